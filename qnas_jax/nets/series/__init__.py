"""Layers and ops for series [N, T, C]: time, then channels."""

from qnas_jax.nets.series.layers import SeriesConv, SeriesDepthwise
from qnas_jax.nets.series.registry import SERIES_OPS

__all__ = ["SERIES_OPS", "SeriesConv", "SeriesDepthwise"]
