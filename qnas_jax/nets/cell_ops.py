"""Ops and fixed blocks of networks of cells, as NAS-Bench-201 has them.

Weights start uniform within 1 / sqrt(inputs of an output), PyTorch's default, since the
benchmark's networks do; batch normalisation has a scale, a shift and running statistics
and keeps 0.9 of these a step, as everywhere in this package.

Source: Dong & Yang, NAS-Bench-201: Extending the scope of reproducible neural
architecture search, ICLR 2020, section 2.1, and their public code.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.nets.layers import Conv, Pointwise, batch_norm, pytorch_uniform
from qnas_jax.nets.pieces import run_pieces
from qnas_jax.nets.probing import relu


class Zero(nnx.Module):
    """Nothing passes: the benchmark's `none`."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del rngs
        _keep_shape("zero", in_features, out_features, stride)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> zeros [N, H, W, C]."""
        return jnp.zeros_like(images)


class AveragePool(nnx.Module):
    """Mean over 3 x 3 pixels, without counting pixels outside of the image."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del rngs
        _keep_shape("average_pool", in_features, out_features, stride)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C]."""
        _, height, width, _ = images.shape
        sums = _three_sum(_three_sum(images, 1), 2)
        rows = _three_sum(jnp.ones((1, height, 1, 1)), 1)
        columns = _three_sum(jnp.ones((1, 1, width, 1)), 2)
        return (sums / (rows * columns)).astype(images.dtype)


def _three_sum(values: jax.Array, axis: int) -> jax.Array:
    """Each entry and its two neighbours along an axis, zero outside."""
    border = [(0, 0)] * values.ndim
    border[axis] = (1, 1)
    padded = jnp.pad(values, border)
    size = values.shape[axis]
    before, own, after = (
        lax.slice_in_dim(padded, start, start + size, axis=axis) for start in range(3)
    )
    return before + own + after


def _keep_shape(kind: str, in_features: int, out_features: int, stride: int) -> None:
    if stride != 1 or in_features != out_features:
        raise UserError(
            f"{kind}: got {in_features} -> {out_features} features with stride "
            f"{stride}, expected the same number and stride 1"
        )


class ReluConv(nnx.Module):
    """ReLU (if wanted), convolution, batch normalisation."""

    residual = False
    sizes = ("kernel",)

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
        self.conv: nnx.Module = (
            Pointwise(in_features, out_features, draw=pytorch_uniform, rngs=rngs)
            if kernel == 1 and stride == 1
            else Conv(
                in_features,
                out_features,
                kernel,
                stride,
                narrow=True,
                draw=pytorch_uniform,
                rngs=rngs,
            )
        )
        self.norm = batch_norm(out_features, rngs)
        self.activated = activated

    def pieces(self) -> tuple[nnx.Module, ...]:
        """The convolution's output is what gradients need."""
        before = [relu] if self.activated else []
        return nnx.Sequential(*before, self.conv), nnx.Sequential(self.norm)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H', W', C_out]."""
        return run_pieces(self, images)


class ResidualReduction(nnx.Module):
    """The residual block between two stages.

    Two `ReluConv` of 3 x 3, the first with the stride; the shortcut is a mean over
    2 x 2 pixels and a 1 x 1 convolution.
    """

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        if stride != 2:
            raise UserError(f"residual_reduction: got stride {stride}, expected 2")
        self.first = ReluConv(in_features, out_features, stride, rngs=rngs)
        self.second = ReluConv(out_features, out_features, 1, rngs=rngs)
        self.shortcut = Pointwise(
            in_features, out_features, draw=pytorch_uniform, rngs=rngs
        )

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C_in] -> [N, H / 2, W / 2, C_out]; H and W are even."""
        count, height, width, features = images.shape
        squares = images.reshape(count, height // 2, 2, width // 2, 2, features)
        shortcut = self.shortcut(squares.mean(axis=(2, 4)))
        return self.second(self.first(images)) + shortcut


class NormRelu(nnx.Module):
    """Batch normalisation and ReLU."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        _keep_shape("norm_relu", in_features, out_features, stride)
        self.norm = batch_norm(in_features, rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C]."""
        return relu(self.norm(images))


class Linear(nnx.Module):
    """Linear layer with bias, [N, C] -> [N, classes]."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        del stride
        sizes = in_features, out_features
        self.kernel = pytorch_uniform(rngs, sizes, *sizes)
        self.bias = pytorch_uniform(rngs, (out_features,), *sizes)

    def __call__(self, features: jax.Array) -> jax.Array:
        """[N, C] -> logits [N, classes]."""
        return jnp.dot(features, self.kernel[...]) + self.bias[...][None]
