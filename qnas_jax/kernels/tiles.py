"""Which bits of a state a kernel holds at a time, and where they lie.

A program of a kernel takes a tile of amplitudes as a list of arrays. Some bits of the
index say which array (parts): these are rotated by sums of whole arrays, in registers.
Other bits say which element (threads): these are first exchanged with parts. The
remaining bits say which program it is.

The lowest bits are threads, so that whole lines of memory are read. The first group of
qubits is a tile of neighbours in memory, all bits of which are rotated; the others keep
their lowest bits.
"""

import dataclasses
from typing import NamedTuple

from qnas_jax.errors import UserError
from qnas_jax.kernels.mixer import even_sizes


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of tiles, in bits.

    Attributes:
      lanes: lowest bits, that stay together in memory.
      rows: further threads.
      parts: most parts.
      wide: how threads read and write: 0, one number at a time; 1, four neighbours in
        the first group; 2, in all groups.
    """

    lanes: int = 5
    rows: int = 3
    parts: int = 5
    wide: int = 1

    @property
    def threads(self) -> int:
        """Bits of an array."""
        return self.lanes + self.rows

    @property
    def bits(self) -> int:
        """Bits of a tile."""
        return self.threads + self.parts


class Swap(NamedTuple):
    """An exchange of threads with the first parts.

    Attributes:
      first: the lowest of the threads, which are neighbours.
      size: how many bits.
    """

    first: int
    size: int


class Order(NamedTuple):
    """Which bits of the index threads and parts are, lowest first."""

    threads: tuple[int, ...]
    parts: tuple[int, ...]

    def after(self, swap: Swap) -> "Order":
        """The order behind an exchange."""
        end = swap.first + swap.size
        threads, parts = self.threads, self.parts
        return Order(
            threads[: swap.first] + parts[: swap.size] + threads[end:],
            threads[swap.first : end] + parts[swap.size :],
        )


@dataclasses.dataclass(frozen=True)
class Tile:
    """The bits of one group of qubits.

    Attributes:
      num_bits: n.
      lanes: how many lowest bits stay together in memory.
      order: of the bits in memory.
      turned: bits that are rotated.
      wide: whether a thread reads and writes four neighbours at a time.
    """

    num_bits: int
    lanes: int
    order: Order
    turned: tuple[int, ...]
    wide: bool

    @property
    def swaps(self) -> tuple[Swap, ...]:
        """Exchanges that bring each rotated thread among the parts, lanes last."""
        threads, most = self.order.threads, len(self.order.parts)
        found: list[Swap] = []
        for slots in (range(self.lanes, len(threads)), range(self.lanes)):
            left = [slot for slot in slots if threads[slot] in self.turned]
            found += [
                Swap(left[i], len(left[i : i + most]))
                for i in range(0, len(left), most)
            ]
        return tuple(found)

    @property
    def free(self) -> tuple[tuple[int, int], ...]:
        """Runs (first bit, number) of the bits that say which program it is."""
        taken = {*self.order.threads, *self.order.parts}
        return bit_runs([bit for bit in range(self.num_bits) if bit not in taken])

    @property
    def num_programs(self) -> int:
        """Tiles of a state."""
        return 2 ** sum(number for _, number in self.free)


def bit_runs(bits: list[int] | tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Runs (first bit, number) of bits that follow each other."""
    runs: list[tuple[int, int]] = []
    for bit in bits:
        if runs and sum(runs[-1]) == bit:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((bit, 1))
    return tuple(runs)


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
    if num_qubits <= shape.bits:
        raise UserError(
            f"tiles of 2^{shape.bits} amplitudes: got {num_qubits} qubits, expected "
            "more; take another implementation"
        )
    all_bits = tuple(range(shape.bits))
    order = Order(all_bits[: shape.threads], all_bits[shape.threads :])
    tiles = [Tile(num_qubits, shape.lanes, order, all_bits, shape.wide > 0)]
    start = shape.bits
    for size in even_sizes(num_qubits - start, shape.rows + shape.parts):
        turned = tuple(range(start, start + size))
        rows = max(size - shape.parts, 0)
        order = Order((*range(shape.threads - rows), *turned[:rows]), turned[rows:])
        tiles.append(Tile(num_qubits, shape.lanes, order, turned, shape.wide > 1))
        start += size
    return tuple(tiles)
