"""Networks without control flow: ops of a layer as one body whose choice is data."""

from qnas_jax.nets.families.each_op import EachOpOnce
from qnas_jax.nets.families.network import PaddedLayer, PaddedNetwork, padded_layer

__all__ = ["EachOpOnce", "PaddedLayer", "PaddedNetwork", "padded_layer"]
