"""Blocks of hand-made networks, for inference: batch normalisation is in the weights.

Only what no convolution stands before is scaled and shifted by itself (`NormRelu`).
"""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.export.standalone.blocks import conv
from qnas_jax.export.standalone.cells import NormRelu


class Convolution(nnx.Module):
    """A convolution alone."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        rngs: nnx.Rngs,
    ):
        self.conv = conv(in_features, out_features, kernel, stride, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return self.conv(images)


class BasicBlock(nnx.Module):
    """Two 3 x 3 convolutions and a shortcut; new channels of it are zeros."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.first = conv(in_features, out_features, 3, stride, rngs=rngs)
        self.second = conv(out_features, out_features, 3, rngs=rngs)
        self.stride = stride
        before = (out_features - in_features) // 2
        self.border = before, out_features - in_features - before

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        values = self.second(jax.nn.relu(self.first(images)))
        passed = images[:, :: self.stride, :: self.stride]
        passed = jnp.pad(passed, ((0, 0), (0, 0), (0, 0), self.border))
        return jax.nn.relu(values + passed)


class DenseLayer(nnx.Module):
    """Adds channels that it computes through a bottleneck to those of its input."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        growth = out_features - in_features
        self.norm = NormRelu(in_features, in_features, 1, rngs=rngs)
        self.squeeze = conv(in_features, 4 * growth, 1, rngs=rngs)
        self.conv = conv(4 * growth, growth, 3, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C + growth]."""
        values = self.conv(jax.nn.relu(self.squeeze(self.norm(images))))
        return jnp.concatenate([images, values], axis=-1)


class Transition(nnx.Module):
    """Fewer channels by a 1 x 1 convolution, then the mean over 2 x 2 pixels."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.norm = NormRelu(in_features, in_features, 1, rngs=rngs)
        self.conv = conv(in_features, out_features, 1, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H // 2, W // 2, C_out]."""
        values = self.conv(self.norm(images))
        return nnx.avg_pool(inputs=values, window_shape=(2, 2), strides=(2, 2))
