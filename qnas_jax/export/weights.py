"""From the weights of our networks to those of the stand-alone source.

Batch normalisation goes into the convolution before it (`folding`). What a user
registered keeps its variables as they are, under their own names.
"""

import functools
from typing import Any

import numpy as np
from flax import nnx

from qnas_jax.export.folding import (
    Weights,
    factor_and_shift,
    folded,
    under,
    with_bias,
    without_norm,
)
from qnas_jax.export.series_weights import SERIES_WEIGHTS
from qnas_jax.export.text_weights import TEXT_WEIGHTS
from qnas_jax.nets import CellSubnet, ChainSubnet
from qnas_jax.nets.cell.subnet import Cell
from qnas_jax.nets.cell_ops import Linear, NormRelu, ReluConv, ResidualReduction
from qnas_jax.nets.hand_made_ops import (
    BasicBlock,
    Convolution,
    DenseLayer,
    Transition,
)
from qnas_jax.nets.layers import EfficientChannelAttention, SqueezeExcite
from qnas_jax.nets.ops import (
    Classifier,
    ConvBlock,
    DepthwiseBlock,
    MBConv,
    Projection,
    Shuffle,
    ShuffleXception,
    Skip,
)


def network_weights(network: ChainSubnet | CellSubnet) -> Weights:
    """The arrays that the stand-alone source of a network wants.

    Args:
      network: as `nets.Supernet.cut` makes it.

    Returns:
      float32 arrays by name, for example `layers.3.expand.kernel`.
    """
    found = {
        **_listed("stem", network.stem),
        **_listed("head", network.head),
    }
    if isinstance(network, ChainSubnet):
        found |= _listed("layers", network.layers)
    else:
        found |= _listed("reductions", network.reductions)
        for stage, cells in enumerate(network.stages):
            for number, cell in enumerate(cells):
                found |= under(f"stages.{stage}.{number}", _cell_weights(cell))
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def edge_name(edge: tuple[int, int]) -> str:
    """The attribute of a cell that holds the op of an edge."""
    before, after = edge
    return f"edge_{before}_{after}"


def _cell_weights(cell: Cell) -> Weights:
    found: Weights = {}
    for edge, op in zip(cell.edges, cell.ops, strict=True):
        found |= under(edge_name(edge), block_weights(op))
    return found


def block_weights(block: Any) -> Weights:
    """The arrays of the stand-alone form of a block.

    Args:
      block: an op, or a part of one.

    Returns:
      Arrays by their names within the block; of a user's op all its variables.
    """
    return (_translated if is_ours(type(block)) else _variables)(block)


def is_ours(kind: type) -> bool:
    """Whether a class of ops is one of this package, and no user's subclass."""
    return kind.__module__.startswith("qnas_jax.")


def _variables(block: Any) -> Weights:
    names = nnx.to_flat_state(nnx.state(block))
    return {".".join(map(str, path)): np.asarray(value[...]) for path, value in names}


_translated = functools.singledispatch(_variables)
"""For each class of ours; without normalisation or weights they stay as they are."""
for _kind, _translate in (SERIES_WEIGHTS | TEXT_WEIGHTS).items():
    _translated.register(_kind, _translate)


@_translated.register
def _(block: ConvBlock | ReluConv) -> Weights:
    return under("conv", folded(block.conv, block.norm))


@_translated.register
def _(block: DepthwiseBlock) -> Weights:
    return folded(block.conv, block.norm)


@_translated.register
def _(block: MBConv) -> Weights:
    found: Weights = {}
    for name in ("expand", "depthwise", "project"):
        convolution = getattr(block, name)
        if convolution is not None:
            norm = getattr(block, f"{name}_norm")
            found |= under(name, folded(convolution, norm))
    if block.attention is not None:
        found |= under("attention", block_weights(block.attention))
    return found


@_translated.register
def _(block: SqueezeExcite) -> Weights:
    return {
        **under("squeeze", with_bias(block.squeeze, block.squeeze_bias)),
        **under("excite", with_bias(block.excite, block.excite_bias)),
    }


@_translated.register
def _(block: EfficientChannelAttention) -> Weights:
    return {"conv.kernel": np.asarray(block.kernel[...])}


@_translated.register
def _(block: Skip) -> Weights:
    return {} if block.conv is None else under("block", block_weights(block.conv))


@_translated.register
def _(block: Projection) -> Weights:
    return {} if block.conv is None else block_weights(block.conv)


@_translated.register
def _(block: Shuffle | ShuffleXception) -> Weights:
    found = _listed("main.layers", block.main.layers)
    shortcut: Any = block.shortcut
    if shortcut is not None:
        found |= _listed("shortcut.layers", shortcut.layers)
    return found


@_translated.register
def _(block: Classifier | Linear) -> Weights:
    return {name: np.asarray(getattr(block, name)[...]) for name in ("kernel", "bias")}


@_translated.register
def _(block: ResidualReduction) -> Weights:
    return {
        **under("first", block_weights(block.first)),
        **under("second", block_weights(block.second)),
        **under("shortcut", without_norm(block.shortcut)),
    }


@_translated.register
def _(block: NormRelu) -> Weights:
    factor, shift = factor_and_shift(block.norm)
    return {"scale": factor, "shift": shift}


@_translated.register
def _(block: Convolution) -> Weights:
    return under("conv", without_norm(block.conv))


@_translated.register
def _(block: BasicBlock) -> Weights:
    return {
        **under("first", folded(block.first, block.first_norm)),
        **under("second", folded(block.second, block.second_norm)),
    }


@_translated.register
def _(block: DenseLayer) -> Weights:
    factor, shift = factor_and_shift(block.norm)
    return {
        **under("norm", {"scale": factor, "shift": shift}),
        **under("squeeze", folded(block.squeeze, block.hidden_norm)),
        **under("conv", without_norm(block.conv)),
    }


@_translated.register
def _(block: Transition) -> Weights:
    factor, shift = factor_and_shift(block.norm)
    return {
        **under("norm", {"scale": factor, "shift": shift}),
        **under("conv", without_norm(block.conv)),
    }


def _listed(prefix: str, blocks: Any) -> Weights:
    found: Weights = {}
    for number, block in enumerate(blocks):
        found |= under(f"{prefix}.{number}", block_weights(block))
    return found
