"""Blocks of networks of cells, for inference: batch normalisation is in the weights.

Only what no convolution stands before is scaled and shifted by itself (`NormRelu`).
"""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.export.standalone.blocks import conv


class Zero(nnx.Module):
    """Nothing passes."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        pass

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> zeros [N, H, W, C]."""
        return jnp.zeros_like(images)


class AveragePool(nnx.Module):
    """Mean over 3 x 3 pixels, without counting pixels outside of the image."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        pass

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C]."""
        return nnx.avg_pool(
            inputs=images,
            window_shape=(3, 3),
            strides=(1, 1),
            padding="SAME",
            count_include_pad=False,
        )


class ReluConv(nnx.Module):
    """ReLU (if wanted) and convolution."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        activated: bool = True,
        rngs: nnx.Rngs,
    ):
        self.conv = conv(in_features, out_features, kernel, stride, rngs=rngs)
        self.activated = activated

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return self.conv(jax.nn.relu(images) if self.activated else images)


class ResidualReduction(nnx.Module):
    """Two convolutions, the first with the stride, beside a mean over 2 x 2 pixels."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.first = ReluConv(in_features, out_features, stride, rngs=rngs)
        self.second = ReluConv(out_features, out_features, 1, rngs=rngs)
        self.shortcut = conv(in_features, out_features, 1, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H / 2, W / 2, C_out]; H and W are even."""
        halved = nnx.avg_pool(inputs=images, window_shape=(2, 2), strides=(2, 2))
        return self.second(self.first(images)) + self.shortcut(halved)


class NormRelu(nnx.Module):
    """Scale, shift and ReLU."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.scale = nnx.Param(jnp.ones(in_features))
        self.shift = nnx.Param(jnp.zeros(in_features))

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C]."""
        scale = self.scale[...].reshape(1, 1, 1, -1)
        shift = self.shift[...].reshape(1, 1, 1, -1)
        return jax.nn.relu(images * scale + shift)


class Linear(nnx.Linear):
    """Linear layer, [N, C] -> logits [N, classes]."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        super().__init__(in_features, out_features, rngs=rngs)
