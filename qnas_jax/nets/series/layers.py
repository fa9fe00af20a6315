"""The small modules that ops for series are built of.

Series are [N, T, C]. Depth-wise kernels have odd lengths, and zeros on both sides keep
ceil(T / stride) steps. Weights start as those of images do (`nets/layers.py`), as does
batch normalisation; products over channels are `Pointwise`, which takes any axes
between.
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.kernels import recurrence, series_conv, series_depthwise, shifted_views
from qnas_jax.nets.layers import Draw, Pointwise, he_normal, pytorch_uniform

POOLINGS = ("average", "max")


class SeriesConv(nnx.Module):
    """Full convolution without bias, [N, T, C_in] -> [N, T', C_out]."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel: int,
        stride: int,
        *,
        dilation: int = 1,
        causal: bool = False,
        draw: Draw = he_normal,
        rngs: nnx.Rngs,
    ):
        shape = (kernel, in_features, out_features)
        self.kernel = draw(rngs, shape, kernel * in_features, kernel * out_features)
        self.stride = stride
        self.dilation = dilation
        self.causal = causal

    def __call__(self, series: jax.Array) -> jax.Array:
        """Convolves."""
        return series_conv(
            series,
            self.kernel[...],
            stride=self.stride,
            dilation=self.dilation,
            causal=self.causal,
        )


class SeriesDepthwise(nnx.Module):
    """Depth-wise convolution without bias, [N, T, C] -> [N, T', C]."""

    def __init__(
        self,
        features: int,
        kernel: int,
        stride: int,
        *,
        dilation: int = 1,
        rngs: nnx.Rngs,
    ):
        # The axis between is that of an image's second direction, of one tap.
        shape = (kernel, 1, features)
        self.kernel = he_normal(rngs, shape, kernel, kernel * features)
        self.stride = stride
        self.dilation = dilation

    def __call__(self, series: jax.Array) -> jax.Array:
        """Convolves each channel."""
        kernel = self.kernel[...][:, 0]
        return series_depthwise(
            series, kernel, stride=self.stride, dilation=self.dilation
        )


class MinimalGatedUnit(nnx.Module):
    """A recurrence without products over time, [N, T, C_in] -> [N, T, C_out].

    z_t = sigmoid(W_z x_t + b_z), h_t = (1 - z_t) h_{t-1} + z_t (W_h x_t + b_h), h_0 = 0
    (Feng et al., Were RNNs all we needed?, 2024, minGRU): the gate does not see the
    state, so the recurrence is linear (`kernels/recurrence.py`). `backwards` runs from
    the last step to the first.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        backwards: bool = False,
        rngs: nnx.Rngs,
    ):
        self.gate = Pointwise(
            in_features, out_features, draw=pytorch_uniform, rngs=rngs
        )
        self.gate_bias = nnx.Param(jnp.zeros(out_features))
        self.candidate = Pointwise(
            in_features, out_features, draw=pytorch_uniform, rngs=rngs
        )
        self.candidate_bias = nnx.Param(jnp.zeros(out_features))
        self.backwards = backwards

    def __call__(self, series: jax.Array, there: jax.Array | None = None) -> jax.Array:
        """The states of all times, in float32 at least within the scan.

        Args:
          series: [N, T, C_in].
          there: bool [N, T, 1], which steps exist; the others open no gate. None: all.

        Returns:
          [N, T, C_out].
        """
        exact = jnp.promote_types(series.dtype, jnp.float32)
        gate, candidate = (
            (product(series) + bias[...].reshape(1, 1, -1)).astype(exact)
            for product, bias in (
                (self.gate, self.gate_bias),
                (self.candidate, self.candidate_bias),
            )
        )
        opened = jax.nn.sigmoid(gate)
        if there is not None:
            opened = jnp.where(there, opened, 0.0)
        closed, offsets = jax.nn.sigmoid(-gate), opened * candidate
        if self.backwards:
            closed, offsets = jnp.flip(closed, 1), jnp.flip(offsets, 1)
        states = recurrence(closed, offsets)
        if self.backwards:
            states = jnp.flip(states, 1)
        return states.astype(series.dtype)


def pool_series(series: jax.Array, size: int, stride: int, pooling: str) -> jax.Array:
    """Mean or maximum over a window, without counting steps outside.

    Args:
      series: [N, T, C].
      size: steps of the window, odd.
      stride: steps between windows.
      pooling: average or max.

    Returns:
      [N, ceil(T / stride), C].

    Raises:
      UserError: another pooling.
    """
    if pooling == "max":
        views = shifted_views(series, size, stride, 1, outside=-jnp.inf)
        return functools.reduce(jnp.maximum, views)
    if pooling != "average":
        raise UserError(f"pooling: got {pooling!r}, expected {' or '.join(POOLINGS)}")
    there = jnp.ones((1, series.shape[1], 1), series.dtype)
    total, count = (
        functools.reduce(jnp.add, shifted_views(each, size, stride, 1))
        for each in (series, there)
    )
    return total / count
