"""Blocks for series, for inference: batch normalisation is in the weights.

Series are [N, T, C]. Zeros on both sides keep ceil(T / stride) steps; a kernel of even
length reaches a tap further forwards.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

ACTIVATIONS = {
    "relu6": lambda values: jnp.clip(values, 0.0, 6.0),
    "relu": jax.nn.relu,
    "none": lambda values: values,
}


def series_conv(
    in_features: int,
    out_features: int,
    kernel: int,
    stride: int = 1,
    *,
    dilation: int = 1,
    groups: int = 1,
    causal: bool = False,
    rngs: nnx.Rngs,
) -> nnx.Conv:
    """A convolution over time; a causal one sees a step and those before it."""
    reach = (kernel - 1) * dilation
    after = 0 if causal else reach - reach // 2
    return nnx.Conv(
        in_features,
        out_features,
        (kernel,),
        strides=(stride,),
        padding=((reach - after, after),),
        kernel_dilation=(dilation,),
        feature_group_count=groups,
        rngs=rngs,
    )


class SeriesConvBlock(nnx.Module):
    """Convolution over time and activation."""

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
        self.conv = series_conv(
            in_features, out_features, kernel, stride, dilation=dilation, rngs=rngs
        )
        self.activation = activation

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        return ACTIVATIONS[self.activation](self.conv(series))


class SeriesSqueezeExcite(nnx.Module):
    """Scales the channels by what a small network makes of their means."""

    def __init__(self, features: int, *, rngs: nnx.Rngs):
        hidden = max(features // 4, 1)
        self.squeeze = series_conv(features, hidden, 1, rngs=rngs)
        self.excite = series_conv(hidden, features, 1, rngs=rngs)

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, T, C]."""
        mean = series.mean(axis=1, keepdims=True)
        hidden = jax.nn.relu(self.squeeze(mean))
        return series * (jnp.clip(self.excite(hidden) + 3.0, 0.0, 6.0) / 6.0)


class SeriesSeparable(nnx.Module):
    """Expand, depth-wise convolution over time, attention, project.

    The input is added if the shape is kept.
    """

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
        hidden = in_features * expansion
        self.expand = (
            None if expansion == 1 else series_conv(in_features, hidden, 1, rngs=rngs)
        )
        self.depthwise = series_conv(
            hidden, hidden, kernel, stride, dilation=dilation, groups=hidden, rngs=rngs
        )
        self.attention = (
            SeriesSqueezeExcite(hidden, rngs=rngs) if attention == "se" else None
        )
        self.project = series_conv(hidden, out_features, 1, rngs=rngs)
        self.activation = activation
        self.residual = stride == 1 and in_features == out_features

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        act = ACTIVATIONS[self.activation]
        values = series
        if self.expand is not None:
            values = act(self.expand(values))
        values = act(self.depthwise(values))
        if self.attention is not None:
            values = self.attention(values)
        values = self.project(values)
        return series + values if self.residual else values


class SeriesInception(nnx.Module):
    """Three kernel lengths and pooling side by side, a quarter of the channels each.

    The lengths are the longest one, a half and a quarter of it, odd ones if it is. A
    single channel needs no bottleneck.
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
        width = out_features // 4
        parts = [kernel // part for part in (1, 2, 4)]
        lengths = (
            [max(3, part // 2 * 2 + 1) for part in parts]
            if kernel % 2
            else [max(2, part) for part in parts]
        )
        narrows = in_features > 1
        self.bottleneck = (
            series_conv(in_features, width, 1, rngs=rngs) if narrows else None
        )
        self.convs = nnx.List(
            series_conv(width if narrows else 1, width, length, stride, rngs=rngs)
            for length in lengths
        )
        self.pooled = series_conv(in_features, width, 1, rngs=rngs)
        self.stride = stride

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        narrow = series if self.bottleneck is None else self.bottleneck(series)
        branches = [conv(narrow) for conv in self.convs]
        branches.append(self.pooled(pool_max(series, 3, self.stride)))
        return jax.nn.relu(jnp.concatenate(branches, axis=-1))


def windows(
    series: jax.Array, size: int, stride: int, *, repeated: bool
) -> list[jax.Array]:
    """What each place of a window of odd size sees.

    Args:
      series: [N, T, C].
      size: places of the window, odd.
      stride: steps that it moves by.
      repeated: whether what stands at the ends lies beyond them, else zeros.

    Returns:
      One [N, ceil(T / stride), C] for each place.
    """
    border, steps = size // 2, series.shape[1]
    before, after = series[:, :1], series[:, -1:]
    if not repeated:
        before = after = jnp.zeros_like(before)
    padded = jnp.concatenate([before] * border + [series] + [after] * border, axis=1)
    return [padded[:, place : place + steps : stride] for place in range(size)]


def pool_max(series: jax.Array, size: int, stride: int) -> jax.Array:
    """Maximum over a window of odd size: [N, T, C] -> [N, ceil(T / stride), C].

    A value at the end stands for what lies beyond it.
    """
    return functools.reduce(jnp.maximum, windows(series, size, stride, repeated=True))


def pool_average(series: jax.Array, size: int, stride: int) -> jax.Array:
    """Mean over a window of odd size: [N, T, C] -> [N, ceil(T / stride), C].

    What lies beyond the ends does not count.
    """
    centres = np.arange(0, series.shape[1], stride)
    first = np.maximum(centres - size // 2, 0)
    last = np.minimum(centres + size // 2, series.shape[1] - 1)
    share = jnp.asarray(1 / (last - first + 1), series.dtype).reshape(1, -1, 1)
    total = functools.reduce(jnp.add, windows(series, size, stride, repeated=False))
    return total * share


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
        same = in_features == out_features
        self.project = (
            None if same else series_conv(in_features, out_features, 1, rngs=rngs)
        )
        self.kernel, self.stride, self.pooling = kernel, stride, pooling

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        pool = pool_max if self.pooling == "max" else pool_average
        values = pool(series, self.kernel, self.stride)
        return values if self.project is None else self.project(values)


class SeriesRecurrence(nnx.Module):
    """A recurrence without products over time; the input is added if it fits.

    z_t = sigmoid(gate of x_t), h_t = (1 - z_t) h_{t-1} + z_t (candidate of x_t).
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
        self.gate = series_conv(in_features, out_features, 1, rngs=rngs)
        self.candidate = series_conv(in_features, out_features, 1, rngs=rngs)
        self.shift = nnx.Param(jnp.zeros(out_features))
        self.stride, self.backwards = stride, backwards
        self.residual = stride == 1 and in_features == out_features

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        opened = jax.nn.sigmoid(self.gate(series))
        added = opened * self.candidate(series)
        states = all_states(1.0 - opened, added, backwards=self.backwards)
        values = states[:, :: self.stride] + self.shift[...].reshape(1, 1, -1)
        return series + values if self.residual else values


def all_states(kept: jax.Array, added: jax.Array, *, backwards: bool) -> jax.Array:
    """All h_t = kept_t h_{t-1} + added_t, in log2(T) rounds of doubled reach.

    Args:
      kept: [N, T, C].
      added: [N, T, C].
      backwards: from the last step on, so that h_t follows from h_{t+1}.

    Returns:
      [N, T, C].
    """
    steps, reach = kept.shape[1], 1
    while reach < steps:
        ends = (0, reach) if backwards else (reach, 0)
        seen = slice(reach, None) if backwards else slice(0, steps - reach)
        border = ((0, 0), ends, (0, 0))
        before = jnp.pad(added[:, seen], border)
        added = kept * before + added
        kept = kept * jnp.pad(kept[:, seen], border, constant_values=1.0)
        reach *= 2
    return added


class SeriesSkip(nnx.Module):
    """Identity; every stride-th step, projected, where the shape changes."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        same = in_features == out_features
        self.project = (
            None if same else series_conv(in_features, out_features, 1, rngs=rngs)
        )
        self.stride = stride

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T', C_out]."""
        values = series[:, :: self.stride]
        return values if self.project is None else self.project(values)
