"""Narrower networks of a space: the same architectures with a share of the channels.

A supernet that only has to rank may be narrow: on NAS-Bench-201 one of 5 channels ranks
better than one of 16 and costs a tenth (score tables of Few-Shot-NAS). The winner is
trained at full width.
"""

import dataclasses
import itertools
import math

from qnas_jax.errors import UserError
from qnas_jax.spaces.cell import CellSpace
from qnas_jax.spaces.network import NetworkSpace
from qnas_jax.spaces.space import BuildableSpace

_COMMON = 4
"""Ops halve channels or divide them into groups; multiples of this stay multiples."""


def narrowed(space: BuildableSpace, width: float, cells: int = 0) -> BuildableSpace:
    """The space whose networks have a share of the channels, or fewer cells.

    Channels are rounded to a multiple of what their number has in common with 4, as ops
    with halves and groups need it. Different numbers stay different: an op adds its
    input where the shape is kept, and must go on doing so there and nowhere else.
    Inputs and outputs of the network keep their size.

    Args:
      space: of chains or of cells.
      width: share of the channels, in (0, 1].
      cells: cells of each stage; 0: as the space has them.

    Returns:
      The space, with the same architectures.

    Raises:
      UserError: a kind of space that this does not know, or cells where there are none.
    """
    if isinstance(space, CellSpace):
        return dataclasses.replace(
            space,
            features=max(1, math.floor(space.features * width + 0.5)),
            cells=cells or space.cells,
        )
    if cells:
        raise UserError(
            f"cells: got {cells}, expected 0: space {space.name!r} is not made of cells"
        )
    if width == 1:
        return space
    if not isinstance(space, NetworkSpace):
        raise UserError(
            f"width: got {width}, expected 1: space {space.name!r} is neither a chain "
            "nor made of cells"
        )
    inner = [block.out_features for block in space.blocks[:-1]]
    narrow = _narrow(inner, width)
    ends = [space.input_shape[-1], *(narrow[count] for count in inner)]
    ends.append(space.num_classes)
    blocks = [
        dataclasses.replace(block, in_features=before, out_features=after)
        for block, (before, after) in zip(
            space.blocks, itertools.pairwise(ends), strict=True
        )
    ]
    stem, layers = len(space.stem), len(space.stem) + len(space.layers)
    return dataclasses.replace(
        space,
        stem=tuple(blocks[:stem]),
        layers=tuple(blocks[stem:layers]),
        head=tuple(blocks[layers:]),
    )


def _narrow(counts: list[int], width: float) -> dict[int, int]:
    """By number of channels the narrower one, in the same order."""
    found: dict[int, int] = {}
    last = 0
    for count in sorted(set(counts)):
        unit = math.gcd(count, _COMMON)
        wanted = math.floor(count * width / unit + 0.5) * unit
        above = (last // unit + 1) * unit
        last = found[count] = max(wanted, above)
    return found
