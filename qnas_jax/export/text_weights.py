"""From the weights of ops for text to those of `standalone/text.py`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qnas_jax.export.folding import Weights, plain_kernel, under, without_norm
from qnas_jax.nets.text.heads import TextLogits, TextPool
from qnas_jax.nets.text.layers import SelfAttention, WordNorm
from qnas_jax.nets.text.lstm import Lstm
from qnas_jax.nets.text.ops import (
    TextAttention,
    TextAverage,
    TextConv,
    TextEmbedding,
    TextFeedForward,
    TextRecurrence,
)


def _norm(norm: WordNorm) -> Weights:
    """Normalisation of a word has its own statistics: nothing takes it in."""
    return {f"norm.{name}": np.asarray(getattr(norm, name)[...]) for name in _OF_NORM}


_OF_NORM = ("scale", "bias")


def _product(name: str, product: Any, bias: Any = None) -> Weights:
    found = {"kernel": plain_kernel(product, 0)}
    if bias is not None:
        found["bias"] = np.asarray(bias[...])
    return under(name, found)


def _embedding(block: TextEmbedding) -> Weights:
    return {"table.embedding": np.asarray(block.table[...])}


def _conv(block: TextConv) -> Weights:
    conv = under("conv", without_norm(block.conv, 1))
    return _norm(block.norm) | conv | _product("project", block.project)


def _recurrence(block: TextRecurrence) -> Weights:
    unit = block.unit
    return {
        **_norm(block.norm),
        **_product("gate", unit.gate, unit.gate_bias),
        **_product("candidate", unit.candidate, unit.candidate_bias),
    }


def _attention(block: TextAttention) -> Weights:
    found: Weights = {}
    attention: SelfAttention = block.attention
    for name in ("query", "key", "value", "project"):
        found |= _product(name, getattr(attention, name))
    return _norm(block.norm) | under("attention", found)


def _feed_forward(block: TextFeedForward) -> Weights:
    return {
        **_norm(block.norm),
        **_product("expand", block.expand, block.expand_bias),
        **_product("project", block.project),
    }


def _pooled(block: TextAverage | TextPool) -> Weights:
    return _norm(block.norm)


def _logits(block: TextLogits) -> Weights:
    linear = {name: np.asarray(getattr(block, name)[...]) for name in _OF_LINEAR}
    return _norm(block.norm) | under("linear", linear)


_OF_LINEAR = ("kernel", "bias")


def _lstm(block: Lstm) -> Weights:
    found: Weights = {}
    for number, direction in enumerate(block.directions):
        own = {
            "inner.kernel": np.asarray(direction.inner[...]),
            "inner.bias": np.asarray(direction.bias[...]),
            "outer.kernel": np.asarray(direction.outer[...]),
        }
        found |= under(f"directions.{number}", own)
    return found


TEXT_WEIGHTS: dict[type, Callable[[Any], Weights]] = {
    Lstm: _lstm,
    TextAttention: _attention,
    TextAverage: _pooled,
    TextConv: _conv,
    TextEmbedding: _embedding,
    TextFeedForward: _feed_forward,
    TextLogits: _logits,
    TextPool: _pooled,
    TextRecurrence: _recurrence,
}
"""For each class: a block -> the arrays of its stand-alone form."""
