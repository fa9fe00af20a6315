"""From the weights of ops for series to those of `standalone/series.py`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qnas_jax.export.folding import (
    Weights,
    factor_and_shift,
    folded,
    plain_kernel,
    under,
    with_bias,
    without_norm,
)
from qnas_jax.nets.layers import SqueezeExcite
from qnas_jax.nets.series.hand_made_ops import SeriesInceptionResidual, SeriesResidual
from qnas_jax.nets.series.ops import (
    SeriesConvBlock,
    SeriesInception,
    SeriesPool,
    SeriesRecurrence,
    SeriesSeparable,
    SeriesSkip,
)


def _conv_block(block: SeriesConvBlock) -> Weights:
    return under("conv", folded(block.conv, block.norm, 1))


def _separable(block: SeriesSeparable) -> Weights:
    found: Weights = {}
    for name in ("expand", "depthwise", "project"):
        convolution = getattr(block, name)
        if convolution is not None:
            norm = getattr(block, f"{name}_norm")
            found |= under(name, folded(convolution, norm, 1))
    if block.attention is None:
        return found
    attention = block.attention
    assert isinstance(attention, SqueezeExcite)
    for name in ("squeeze", "excite"):
        product, bias = getattr(attention, name), getattr(attention, f"{name}_bias")
        found |= under(f"attention.{name}", with_bias(product, bias, 1))
    return found


def _inception(block: SeriesInception) -> Weights:
    """The normalisation of all branches goes into each, its own channels of it."""
    factor, shift = factor_and_shift(block.norm)
    branches: dict[str, Any] = {
        f"convs.{number}": conv for number, conv in enumerate(block.convs)
    }
    branches["pooled"] = block.pooled
    found: Weights = {}
    if block.bottleneck is not None:
        found = under("bottleneck", without_norm(block.bottleneck, 1))
    first = 0
    for name, convolution in branches.items():
        kernel = plain_kernel(convolution, 1)
        own = slice(first, first + kernel.shape[-1])
        folded_in = {"kernel": kernel * factor[own], "bias": shift[own]}
        found |= under(name, folded_in)
        first = own.stop
    return found


def _residual(block: SeriesResidual) -> Weights:
    found: Weights = {}
    for number, (conv, norm) in enumerate(zip(block.convs, block.norms, strict=True)):
        found |= under(f"convs.{number}", folded(conv, norm, 1))
    if block.shortcut is not None:
        passed = folded(block.shortcut, block.shortcut_norm, 1)
        return found | under("shortcut", passed)
    scale, shift = factor_and_shift(block.shortcut_norm)
    return found | under("shortcut", {"scale": scale, "shift": shift})


def _inception_residual(block: SeriesInceptionResidual) -> Weights:
    found = under("shortcut", folded(block.shortcut, block.shortcut_norm, 1))
    for number, module in enumerate(block.modules):
        found |= under(f"modules.{number}", _inception(module))
    return found


def _recurrence(block: SeriesRecurrence) -> Weights:
    """States are linear in the candidates, so these take the factor."""
    factor, shift = factor_and_shift(block.norm)
    unit = block.unit
    candidate = with_bias(unit.candidate, unit.candidate_bias, 1)
    candidate = {name: values * factor for name, values in candidate.items()}
    return {
        **under("gate", with_bias(unit.gate, unit.gate_bias, 1)),
        **under("candidate", candidate),
        "shift": np.asarray(shift),
    }


def _projected(block: SeriesPool | SeriesSkip) -> Weights:
    project: Any = block.project
    if project is None:
        return {}
    product, norm = project.layers
    return under("project", folded(product, norm, 1))


SERIES_WEIGHTS: dict[type, Callable[[Any], Weights]] = {
    SeriesConvBlock: _conv_block,
    SeriesSeparable: _separable,
    SeriesInception: _inception,
    SeriesInceptionResidual: _inception_residual,
    SeriesPool: _projected,
    SeriesRecurrence: _recurrence,
    SeriesResidual: _residual,
    SeriesSkip: _projected,
}
"""For each class: a block -> the arrays of its stand-alone form."""
