"""Blocks of hand-made networks for series, for inference: [N, T, C] all along."""

import jax
import jax.numpy as jnp
from flax import nnx

from qnas_jax.export.standalone.series import SeriesInception, series_conv


class SeriesResidual(nnx.Module):
    """Three convolutions of 8, 5 and 3 steps, and a scaled shortcut."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        widths = (in_features, out_features, out_features)
        self.convs = nnx.List(
            series_conv(width, out_features, kernel, rngs=rngs)
            for width, kernel in zip(widths, (8, 5, 3), strict=True)
        )
        self.shortcut = (
            ScaleShift(out_features)
            if in_features == out_features
            else series_conv(in_features, out_features, 1, rngs=rngs)
        )

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T, C_out]."""
        first, second, third = self.convs
        values = third(jax.nn.relu(second(jax.nn.relu(first(series)))))
        return jax.nn.relu(values + self.shortcut(series))


class ScaleShift(nnx.Module):
    """A factor and a summand for each channel."""

    def __init__(self, features: int):
        self.scale = nnx.Param(jnp.ones(features))
        self.shift = nnx.Param(jnp.zeros(features))

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C] -> [N, T, C]."""
        scale, shift = self.scale[...], self.shift[...]
        return series * scale.reshape(1, 1, -1) + shift.reshape(1, 1, -1)


class SeriesInceptionResidual(nnx.Module):
    """Three inception modules and a projected shortcut around them."""

    def __init__(
        self, in_features: int, out_features: int, stride: int, *, rngs: nnx.Rngs
    ):
        widths = (in_features, out_features, out_features)
        self.modules = nnx.List(
            SeriesInception(width, out_features, 1, kernel=40, rngs=rngs)
            for width in widths
        )
        self.shortcut = series_conv(in_features, out_features, 1, rngs=rngs)

    def __call__(self, series: jax.Array) -> jax.Array:
        """[N, T, C_in] -> [N, T, C_out]."""
        values = series
        for module in self.modules:
            values = module(values)
        return jax.nn.relu(values + self.shortcut(series))
