"""Layers and ops for text [N, T, C]: words, then their features and a mask."""

from flax import nnx

from qnas_jax.nets.text.heads import TEXT_HEADS
from qnas_jax.nets.text.lstm import Lstm
from qnas_jax.nets.text.ops import TEXT_OPS as _BLOCKS

TEXT_OPS: dict[str, type[nnx.Module]] = {**_BLOCKS, **TEXT_HEADS, "text_lstm": Lstm}
"""Candidates, embedding and heads by the names that spaces give them."""

__all__ = ["TEXT_OPS"]
