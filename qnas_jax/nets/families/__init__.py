"""Layers without control flow: ops as one body whose choice is data."""

from qnas_jax.nets.families.inverted_residual import LINEAR
from qnas_jax.nets.families.layer import PaddedLayer, padded_layer

__all__ = ["LINEAR", "PaddedLayer", "padded_layer"]
