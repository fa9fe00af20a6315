"""Layers and ops for text [N, T, C]: words, then their features and a mask."""

from qnas_jax.nets.text.ops import TEXT_OPS

__all__ = ["TEXT_OPS"]
