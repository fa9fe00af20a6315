"""Candidate operations for series, [N, T, C_in] -> [N, ceil(T / stride), C_out].

Sources: Wang et al., Time series classification from scratch with deep neural networks,
IJCNN 2017 (blocks of convolution, normalisation, ReLU); Ismail Fawaz et al.,
InceptionTime, DMKD 2020; Sandler et al. 2018 (separable blocks, here over time); Feng
et al. 2024 (the recurrence).

Ops see values and nothing of where a series ends: behind its end values are 0 at first,
and a channel of the input says so (`tasks/series_classification.py`). So statistics of
batch normalisation, means over time, states of a recurrence that runs backwards and the
head's average are taken over the padding too. A mask that passes all blocks, as ops for
text have it, would be one more channel of every op, family and stand-alone form.
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.families import SeriesSeparables
from qnas_jax.nets.inverted_residual import InvertedBlock
from qnas_jax.nets.layers import Pointwise, activation_fn, batch_norm
from qnas_jax.nets.pieces import run_pieces
from qnas_jax.nets.probing import relu
from qnas_jax.nets.series.layers import (
    MinimalGatedUnit,
    SeriesConv,
    SeriesDepthwise,
    pool_series,
)

BRANCHES = 4  # of an inception block: three convolutions, and pooling


class SeriesConvBlock(nnx.Module):
    """Convolution over time, batch normalisation, activation."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        dilation: int = 1,
        activation: str = "relu",
        rngs: nnx.Rngs,
    ):
        self.conv = SeriesConv(
            in_features, out_features, kernel, stride, dilation=dilation, rngs=rngs
        )
        self.norm = batch_norm(out_features, rngs)
        self.activation = activation

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        return activation_fn(self.activation)(self.norm(self.conv(series)))


class SeriesSeparable(InvertedBlock):
    """Separable block over time: an inverted residual, mostly without expansion.

    A dilated kernel is a longer one with zeros between its taps.
    """

    family = SeriesSeparables

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        dilation: int = 1,
        expansion: int = 1,
        attention: str = "none",
        activation: str = "relu",
        rngs: nnx.Rngs,
    ):
        super().__init__(
            in_features,
            out_features,
            stride,
            lambda hidden: SeriesDepthwise(
                hidden, kernel, stride, dilation=dilation, rngs=rngs
            ),
            expansion=expansion,
            attention=attention,
            activation=activation,
            rngs=rngs,
        )


class SeriesInception(nnx.Module):
    """A bottleneck seen by three kernel lengths, and pooling, side by side.

    A quarter of the channels each; batch normalisation and ReLU behind. The lengths are
    the longest one, a half and a quarter of it, made odd if it is. A single channel
    needs no bottleneck.

    Raises:
      UserError: the number of channels is no multiple of 4.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 39,
        rngs: nnx.Rngs,
    ):
        if out_features % BRANCHES:
            raise UserError(
                f"series_inception: got {out_features} features, expected a multiple "
                f"of {BRANCHES}"
            )
        width = out_features // BRANCHES
        narrows = in_features > 1
        self.bottleneck = Pointwise(in_features, width, rngs=rngs) if narrows else None
        self.convs = nnx.List(
            SeriesConv(width if narrows else 1, width, length, stride, rngs=rngs)
            for length in inception_lengths(kernel)
        )
        self.pooled = Pointwise(in_features, width, rngs=rngs)
        self.norm = batch_norm(out_features, rngs)
        self.stride = stride

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        narrow = series if self.bottleneck is None else self.bottleneck(series)
        branches = [conv(narrow) for conv in self.convs]
        branches.append(self.pooled(pool_series(series, 3, self.stride, "max")))
        return relu(self.norm(jnp.concatenate(branches, axis=-1)))


def inception_lengths(kernel: int) -> tuple[int, int, int]:
    """The three kernel lengths of an inception block, odd ones where the longest is."""
    if kernel % 2 == 0:
        return kernel, max(kernel // 2, 2), max(kernel // 4, 2)
    lengths = (kernel, kernel // 2, kernel // 4)
    long, middle, short = (max(3, length // 2 * 2 + 1) for length in lengths)
    return long, middle, short


class SeriesPool(nnx.Module):
    """Mean or maximum of a step and its neighbours; a projection to another width."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        kernel: int = 3,
        pooling: str = "average",
        rngs: nnx.Rngs,
    ):
        self.project = _projection(in_features, out_features, rngs)
        self.kernel, self.stride, self.pooling = kernel, stride, pooling

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        values = pool_series(series, self.kernel, self.stride, self.pooling)
        return values if self.project is None else self.project(values)


class SeriesRecurrence(nnx.Module):
    """A minimal gated recurrence, batch normalisation; the input added if it fits.

    With a stride every stride-th state is kept.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        stride: int,
        *,
        backwards: bool = False,
        rngs: nnx.Rngs,
    ):
        self.unit = MinimalGatedUnit(
            in_features, out_features, backwards=backwards, rngs=rngs
        )
        self.norm = batch_norm(out_features, rngs)
        self.stride = stride
        self.residual = stride == 1 and in_features == out_features

    def pieces(self) -> tuple[nnx.Module, ...]:
        """The states are what gradients need."""
        every = functools.partial(_every, stride=self.stride)
        return nnx.Sequential(self.unit, every), nnx.Sequential(self.norm)

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        return run_pieces(self, series)


def _every(series: jax.Array, *, stride: int) -> jax.Array:
    return series[:, ::stride]


class SeriesSkip(nnx.Module):
    """Identity; every stride-th step, projected, where the shape changes."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        self.project = _projection(in_features, out_features, rngs)
        self.stride = stride

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        values = series[:, :: self.stride]
        return values if self.project is None else self.project(values)


def _projection(
    in_features: int, out_features: int, rngs: nnx.Rngs
) -> nnx.Module | None:
    """To another width, with batch normalisation; None if it is the same."""
    if in_features == out_features:
        return None
    return nnx.Sequential(
        Pointwise(in_features, out_features, rngs=rngs), batch_norm(out_features, rngs)
    )


SERIES_OPS: dict[str, type[nnx.Module]] = {
    "series_conv": SeriesConvBlock,
    "series_separable": SeriesSeparable,
    "series_inception": SeriesInception,
    "series_pool": SeriesPool,
    "series_recurrence": SeriesRecurrence,
    "series_skip": SeriesSkip,
}
