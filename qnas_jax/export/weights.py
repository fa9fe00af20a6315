"""From the weights of our networks to those of the stand-alone source.

A batch normalisation with running statistics is a factor and a shift of each channel:
both go into the convolution before it (Jacob et al. 2018, section 3.2), in float64.
What a user registered keeps its variables as they are, under their own names.
"""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import nnx

from qnas_jax.nets import CellSubnet, ChainSubnet
from qnas_jax.nets.cell.subnet import Cell
from qnas_jax.nets.cell_ops import Linear, NormRelu, ReluConv, ResidualReduction
from qnas_jax.nets.hand_made_ops import (
    BasicBlock,
    Convolution,
    DenseLayer,
    Transition,
)
from qnas_jax.nets.layers import (
    BatchNorm,
    Conv,
    Depthwise,
    EfficientChannelAttention,
    Pointwise,
    SqueezeExcite,
)
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

Weights = dict[str, np.ndarray]
"""Arrays by dotted name."""


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
                found |= _under(f"stages.{stage}.{number}", _cell_weights(cell))
    return {name: np.asarray(values, np.float32) for name, values in found.items()}


def edge_name(edge: tuple[int, int]) -> str:
    """The attribute of a cell that holds the op of an edge."""
    before, after = edge
    return f"edge_{before}_{after}"


def _cell_weights(cell: Cell) -> Weights:
    found: Weights = {}
    for edge, op in zip(cell.edges, cell.ops, strict=True):
        found |= _under(edge_name(edge), block_weights(op))
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


@_translated.register
def _(block: ConvBlock | ReluConv) -> Weights:
    return _under("conv", _folded(block.conv, block.norm))


@_translated.register
def _(block: DepthwiseBlock) -> Weights:
    return _folded(block.conv, block.norm)


@_translated.register
def _(block: MBConv) -> Weights:
    found: Weights = {}
    for name in ("expand", "depthwise", "project"):
        convolution = getattr(block, name)
        if convolution is not None:
            norm = getattr(block, f"{name}_norm")
            found |= _under(name, _folded(convolution, norm))
    if block.attention is not None:
        found |= _under("attention", block_weights(block.attention))
    return found


@_translated.register
def _(block: SqueezeExcite) -> Weights:
    return {
        "squeeze.kernel": _kernel(block.squeeze),
        "squeeze.bias": np.asarray(block.squeeze_bias[...]),
        "excite.kernel": _kernel(block.excite),
        "excite.bias": np.asarray(block.excite_bias[...]),
    }


@_translated.register
def _(block: EfficientChannelAttention) -> Weights:
    return {"conv.kernel": np.asarray(block.kernel[...])}


@_translated.register
def _(block: Skip) -> Weights:
    return {} if block.conv is None else _under("block", block_weights(block.conv))


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
        **_under("first", block_weights(block.first)),
        **_under("second", block_weights(block.second)),
        **_under("shortcut", _without_norm(block.shortcut)),
    }


@_translated.register
def _(block: NormRelu) -> Weights:
    factor, shift = _factor_and_shift(block.norm)
    return {"scale": factor, "shift": shift}


@_translated.register
def _(block: Convolution) -> Weights:
    return _under("conv", _without_norm(block.conv))


@_translated.register
def _(block: BasicBlock) -> Weights:
    return {
        **_under("first", _folded(block.first, block.first_norm)),
        **_under("second", _folded(block.second, block.second_norm)),
    }


@_translated.register
def _(block: DenseLayer) -> Weights:
    factor, shift = _factor_and_shift(block.norm)
    return {
        **_under("norm", {"scale": factor, "shift": shift}),
        **_under("squeeze", _folded(block.squeeze, block.hidden_norm)),
        **_under("conv", _without_norm(block.conv)),
    }


@_translated.register
def _(block: Transition) -> Weights:
    factor, shift = _factor_and_shift(block.norm)
    return {
        **_under("norm", {"scale": factor, "shift": shift}),
        **_under("conv", _without_norm(block.conv)),
    }


def _without_norm(convolution: Any) -> Weights:
    kernel = _kernel(convolution)
    return {"kernel": kernel, "bias": np.zeros(kernel.shape[-1])}


def _kernel(convolution: Any) -> np.ndarray:
    """The kernel as `nnx.Conv` has it, [k, k, C_in / groups, C_out], float64."""
    kernel = np.asarray(convolution.kernel[...], np.float64)
    if isinstance(convolution, Depthwise):
        return kernel[:, :, None, :]
    if isinstance(convolution, Pointwise):  # [groups, inputs, outputs] of each
        _, inputs, _ = kernel.shape
        return kernel.transpose(1, 0, 2).reshape(1, 1, inputs, -1)
    assert isinstance(convolution, Conv)
    return kernel


def _folded(convolution: Any, norm: BatchNorm) -> Weights:
    """A convolution and the normalisation behind it as one convolution with a bias."""
    factor, shift = _factor_and_shift(norm)
    return {"kernel": _kernel(convolution) * factor, "bias": shift}


def _factor_and_shift(norm: BatchNorm) -> tuple[np.ndarray, np.ndarray]:
    """Normalisation by running statistics as values * factor + shift, float64 [C]."""
    assert norm.scale is not None and norm.bias is not None
    scale, bias, mean, variance = (
        np.asarray(variable[...], np.float64)
        for variable in (norm.scale, norm.bias, norm.mean, norm.var)
    )
    factor = scale / np.sqrt(variance + norm.epsilon)
    return factor, bias - mean * factor


def _under(prefix: str, weights: Mapping[str, np.ndarray]) -> Weights:
    return {f"{prefix}.{name}": values for name, values in weights.items()}


def _listed(prefix: str, blocks: Any) -> Weights:
    found: Weights = {}
    for number, block in enumerate(blocks):
        found |= _under(f"{prefix}.{number}", block_weights(block))
    return found
