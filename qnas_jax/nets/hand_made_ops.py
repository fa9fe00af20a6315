"""Blocks of hand-made networks: residual blocks, dense layers, and what joins them.

Sources: He et al., Deep residual learning for image recognition, CVPR 2016, section
4.2 (shortcuts without parameters); Huang et al., Densely connected convolutional
networks, CVPR 2017 (bottlenecks and compression: DenseNet-BC).
"""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.layers import Conv, Pointwise, batch_norm
from qnas_jax.nets.probing import relu

_BOTTLENECK = 4  # channels inside of a dense layer, in units of those that it adds


class Convolution(nnx.Module):
    """A convolution alone, without normalisation or activation."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        rngs: nnx.Rngs,
    ):
        self.conv = Conv(in_features, out_features, kernel, stride, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return self.conv(images)


class BasicBlock(nnx.Module):
    """Two 3 x 3 convolutions and a shortcut; new channels of it are zeros.

    Raises:
      UserError: the block has fewer channels than its input.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        if out_features < in_features:
            raise UserError(
                f"basic_block: got {in_features} -> {out_features} features, expected "
                f"at least {in_features}: the shortcut keeps them all"
            )
        self.first = Conv(in_features, out_features, 3, stride, rngs=rngs)
        self.first_norm = batch_norm(out_features, rngs)
        self.second = Conv(out_features, out_features, 3, 1, rngs=rngs)
        self.second_norm = batch_norm(out_features, rngs)
        self.stride = stride
        self.added = out_features - in_features

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        values = relu(self.first_norm(self.first(images)))
        values = self.second_norm(self.second(values))
        passed = images[:, :: self.stride, :: self.stride]
        before = self.added // 2
        sides = ((0, 0), (0, 0), (0, 0), (before, self.added - before))
        return relu(values + jnp.pad(passed, sides))


class DenseLayer(nnx.Module):
    """Adds channels that it computes through a bottleneck to those of its input.

    Raises:
      UserError: no channel is added, or the stride is not 1.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        growth = out_features - in_features
        if growth < 1 or stride != 1:
            raise UserError(
                f"dense_layer: got {in_features} -> {out_features} features with "
                f"stride {stride}, expected more than {in_features} and stride 1"
            )
        hidden = _BOTTLENECK * growth
        self.norm = batch_norm(in_features, rngs)
        self.squeeze = Pointwise(in_features, hidden, rngs=rngs)
        self.hidden_norm = batch_norm(hidden, rngs)
        self.conv = Conv(hidden, growth, 3, 1, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C + growth]."""
        values = self.squeeze(relu(self.norm(images)))
        values = self.conv(relu(self.hidden_norm(values)))
        return jnp.concatenate([images, values], axis=-1)


class Transition(nnx.Module):
    """Fewer channels by a 1 x 1 convolution, then the mean over 2 x 2 pixels.

    A last row or column without a partner is left out, as in PyTorch's pooling.

    Raises:
      UserError: the stride is not 2.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        if stride != 2:
            raise UserError(f"transition: got stride {stride}, expected 2")
        self.norm = batch_norm(in_features, rngs)
        self.conv = Pointwise(in_features, out_features, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H // 2, W // 2, C_out]."""
        values = self.conv(relu(self.norm(images)))
        count, height, width, features = values.shape
        values = values[:, : height // 2 * 2, : width // 2 * 2]
        squares = values.reshape(count, height // 2, 2, width // 2, 2, features)
        return squares.mean(axis=(2, 4))
