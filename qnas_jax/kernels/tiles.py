"""Which bits of a state a kernel holds at a time, and the angles it reads.

A program of a kernel takes a tile: 2^parts arrays of [2^rows, 2^lanes] amplitudes.
Bits of the index of an amplitude, least significant first:

    lanes   neighbours in memory, the last axis of the arrays
    rows    their first axis
    parts   which array: rotated by sums of whole arrays, without moving a number
    others  which program

Rotations of lanes and rows are matrix products. The first group of qubits is one array
of neighbours in memory, all bits of which are rotated. Further groups keep the lanes,
so that whole lines of memory are read, and rotate parts, or rows and parts.
"""

import dataclasses

import jax
import jax.numpy as jnp

from qnas_jax.errors import UserError
from qnas_jax.kernels.mixer import even_sizes, kronecker


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of tiles, in bits.

    Attributes:
      lanes: of the last axis.
      rows: of the first axis in the first group.
      line: bits in memory of an array in groups that rotate parts alone.
      parts: the most bits of a group that rotates parts alone.
      higher_rows: of the first axis in groups that rotate rows, too; 0 for none.
      higher_parts: the most parts of such a group.
      warps: of 32 threads, that share a tile with products; without products a thread
        has one number of each array.
      product: precision of products, a key of `tile_passes.PRODUCTS`.
    """

    lanes: int = 6
    rows: int = 7
    line: int = 7
    parts: int = 5
    higher_rows: int = 6
    higher_parts: int = 2
    warps: int = 8
    product: str = "tf32x3"

    @property
    def first(self) -> int:
        """Bits of the first group."""
        return self.lanes + self.rows


@dataclasses.dataclass(frozen=True)
class Tile:
    """The bits of one group of qubits.

    Attributes:
      num_bits: n.
      lanes: how many lowest bits are neighbours in memory.
      row_start: first bit of the rows.
      rows: how many.
      part_start: first bit of the parts.
      parts: how many.
      turn_lanes: whether the lanes are rotated.
      turn_rows: whether the rows are rotated.
      warps: that share it.
      product: as in `Shape`.
    """

    num_bits: int
    lanes: int
    row_start: int
    rows: int
    part_start: int
    parts: int
    turn_lanes: bool
    turn_rows: bool
    warps: int
    product: str

    @property
    def turned(self) -> tuple[int, ...]:
        """Bits that are rotated: of the parts, of the rows, of the lanes."""
        bits = [self.part_start + bit for bit in range(self.parts)]
        if self.turn_rows:
            bits += [self.row_start + bit for bit in range(self.rows)]
        if self.turn_lanes:
            bits += range(self.lanes)
        return tuple(bits)

    @property
    def free(self) -> tuple[tuple[int, int], ...]:
        """Runs (first bit, number) of the bits that say which program it is."""
        taken = {*range(self.lanes)}
        taken |= {self.row_start + bit for bit in range(self.rows)}
        taken |= {self.part_start + bit for bit in range(self.parts)}
        runs: list[tuple[int, int]] = []
        for bit in range(self.num_bits):
            if bit in taken:
                continue
            if runs and sum(runs[-1]) == bit:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((bit, 1))
        return tuple(runs)

    @property
    def num_programs(self) -> int:
        """Tiles of a state."""
        return 2 ** sum(number for _, number in self.free)

    @property
    def width(self) -> int:
        """Numbers of a row of `angle_table`."""
        matrices = self.turn_rows * 4**self.rows + self.turn_lanes * 4**self.lanes
        return 2 * self.parts + matrices


def make_tiles(num_qubits: int, shape: Shape) -> tuple[Tile, ...]:
    """Groups of bits that together are all bits, each the rotated bits of a tile.

    Args:
      num_qubits: n.
      shape: sizes of a tile.

    Returns:
      Two or more groups, lowest bits first.

    Raises:
      UserError: a single tile holds the whole state.
    """
    if num_qubits <= shape.first:
        raise UserError(
            f"tiles of 2^{shape.first} amplitudes: got {num_qubits} qubits, expected "
            "more; take another implementation"
        )
    lanes, rows = shape.lanes, shape.rows
    first = Tile(
        num_qubits, lanes, lanes, rows, 0, 0, True, True, shape.warps, shape.product
    )
    tiles, start = [first], shape.first
    with_rows = shape.higher_rows + shape.higher_parts if shape.higher_rows else 0
    sizes = even_sizes(num_qubits - start, max(shape.parts, with_rows))
    for size in sizes:
        if size <= shape.parts:
            tiles.append(
                Tile(
                    num_qubits,
                    lanes,
                    lanes,
                    shape.line - lanes,
                    start,
                    size,
                    False,
                    False,
                    max(1, 2 ** (shape.line - 5)),
                    shape.product,
                )
            )
        else:
            own = min(shape.higher_rows, size)
            tiles.append(
                Tile(
                    num_qubits,
                    lanes,
                    start,
                    own,
                    start + own,
                    size - own,
                    False,
                    True,
                    shape.warps,
                    shape.product,
                )
            )
        start += size
    return tuple(tiles)


def angle_table(tile: Tile, angles: jax.Array) -> jax.Array:
    """What a kernel reads to rotate the bits of a tile, for all layers.

    Args:
      tile: the bits.
      angles: [R, n] radians, qubit 0 (the most significant bit) first.

    Returns:
      [R * width]: of each layer the cosines and sines of the parts, then the Kronecker
      products [2^k, 2^k] of rows and of lanes, where these are rotated.
    """

    def one(angles: jax.Array) -> jax.Array:
        by_bit = angles[::-1]
        own = by_bit[tile.part_start : tile.part_start + tile.parts]
        columns = [jnp.cos(own), jnp.sin(own)]
        if tile.turn_rows:
            rows = by_bit[tile.row_start : tile.row_start + tile.rows]
            columns.append(kronecker(rows[::-1]).reshape(-1))
        if tile.turn_lanes:
            columns.append(kronecker(by_bit[: tile.lanes][::-1]).reshape(-1))
        return jnp.concatenate(columns)

    return jax.vmap(one)(angles).reshape(-1)
