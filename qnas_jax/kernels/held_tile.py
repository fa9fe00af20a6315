"""A tile of a state inside a kernel: read, rotated, shifted, written.

Operations are those that the GPU's compiler (Pallas, Triton) has. Rotated bits are in
the last axis of a tensor, which is kept within threads: only an exchange of bits moves
numbers between them. All sums are float32 (float64 for tests).
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from qnas_jax.kernels.phases import polynomial
from qnas_jax.kernels.tiles import Swap, Tile, bit_runs


class HeldTile:
    """Planes of a tile while bits are exchanged; knows where these are.

    A vector (the state, its adjoint) is one tensor [2^threads, 2^parts * 2], the real
    beside the imaginary part, so that a kernel is few operations and compiles quickly.

    Args:
      tile: its bits.
      refs: real and imaginary part [2^n] of each vector.
      layer: whose entries 1 and 2 are zero.
    """

    def __init__(self, tile: Tile, refs: Sequence[Any], layer: Any) -> None:
        self.tile = tile
        self.order = tile.order
        self.layer = layer
        self.base: Any = 0
        number = pl.program_id(0)
        for first, count in tile.free:
            self.base = self.base + ((number & (2**count - 1)) << first)
            number = number >> count
        # Memory is read and written in the order that has its lowest bits in place;
        # what was exchanged since is exchanged for each tensor that comes or goes.
        self.memory = tile.order
        self.since: list[Swap] = []
        self.set_planes([self.load(ref) for ref in refs])

    def set_planes(self, planes: Sequence[jax.Array]) -> None:
        """Takes real and imaginary part [2^threads, 2^parts] of each vector."""
        self.vectors = [
            jnp.stack(pair, axis=-1).reshape(len(pair[0]), -1)
            for pair in zip(planes[::2], planes[1::2], strict=True)
        ]

    def planes(self) -> list[jax.Array]:
        """Real and imaginary part [2^threads, 2^parts] of each vector."""
        return [
            plane
            for vector in self.vectors
            for plane in jnp.unstack(vector.reshape(len(vector), -1, 2), axis=-1)
        ]

    def load(self, ref: Any) -> jax.Array:
        """Reads a vector [2^n] in the present order: [2^threads, 2^parts]."""
        tensor = plgpu.load(ref.at[self._places(1)])
        if self.tile.wide:
            tensor = tensor.reshape(2 ** len(self.memory.threads), -1)
        else:
            tensor = tensor.reshape(-1, 2 ** len(self.memory.threads)).T
        for swap in self.since:
            tensor = _exchange(tensor, swap, below=1)
        return tensor

    def store(self, refs: Sequence[Any], planes: Sequence[jax.Array]) -> None:
        """Writes vectors [2^n] that are in the present order."""
        places = self._places(2)
        for ref, tensor in zip(refs, planes, strict=True):
            for swap in self.since[::-1]:
                tensor = _exchange(tensor, swap, below=1)
            tensor = tensor if self.tile.wide else tensor.T
            plgpu.store(ref.at[places], tensor.reshape(places.shape))

    def _places(self, zero: int) -> jax.Array:
        """Indices in memory, an axis for each run of bits.

        Written as sums of ranges, of which the compiler sees that neighbours are read.
        In wide tiles it takes four neighbours a thread, and exchanges them later. In
        others it does not, as it cannot know that what is added to all indices is zero:
        then threads follow each other along the last axis. Two different zeros keep it
        from holding the indices until the tile is written.
        """
        runs = bit_runs(self.memory.parts)[::-1], bit_runs(self.memory.threads)[::-1]
        if self.tile.wide:
            axes, base = runs[1] + runs[0], self.base
        else:
            axes, base = runs[0] + runs[1], self.base + self.layer[zero]
        places = jnp.zeros((1,) * len(axes), jnp.int32) + base
        for axis, (first, count) in enumerate(axes):
            shape = [1] * len(axes)
            shape[axis] = 2**count
            steps = jnp.arange(2**count, dtype=jnp.int32) << first
            places = places + steps.reshape(shape)
        return places

    def exchange(self, swap: Swap) -> None:
        """Exchanges threads and parts of all vectors."""
        self.vectors = [_exchange(vector, swap, below=2) for vector in self.vectors]
        self.order = self.order.after(swap)
        if self.since and self.since[-1] == swap:
            self.since.pop()
        elif self.since or swap.first < self.tile.lanes:
            self.since.append(swap)
        else:
            self.memory = self.order

    def turn(
        self,
        turns: Any,
        start: Any,
        *,
        inverse: bool,
        slopes: "AngleSlopes | None" = None,
    ) -> None:
        """Rotates all bits of the tile that are to be rotated.

        Args:
          turns: [R * 2 n], see `tile_passes.Angles`.
          start: where the layer begins in them.
          inverse: turns back.
          slopes: what the gradients of the angles are added to, or None.
        """
        swaps = self.tile.swaps
        if self.order != self.tile.order:
            swaps = swaps[::-1]
        left = set(self.tile.turned)
        for swap in (None, *swaps):
            if swap is not None:
                self.exchange(swap)
            for place, bit in enumerate(self.order.parts, 1):
                if bit not in left:
                    continue
                left.remove(bit)
                half = plgpu.load(turns.at[start + bit])
                sine = plgpu.load(turns.at[start + self.tile.num_bits + bit])
                if inverse:
                    half, sine = -half, -sine
                halves = [_halves(vector, place) for vector in self.vectors]
                if slopes is not None:
                    slopes.add(bit, *halves)
                self.vectors = [
                    _whole(*_turned(zero, one, half, sine), place)
                    for zero, one in halves
                ]

    def shift(self, phases: jax.Array) -> None:
        """Applies exp(-i phase), radians [2^threads, 2^parts], to all vectors."""
        cosine, sine = polynomial(phases)
        planes = self.planes()
        self.set_planes(
            [
                moved
                for re, im in zip(planes[::2], planes[1::2], strict=True)
                for moved in (re * cosine + im * sine, im * cosine - re * sine)
            ]
        )


_Pair = tuple[jax.Array, jax.Array]


def _halves(tensor: jax.Array, place: int) -> _Pair:
    """Where a bit of the last axis is zero and where it is one, half as long."""
    size = tensor.shape[0]
    split = tensor.reshape(size, -1, 2, 2**place).transpose(0, 1, 3, 2)
    zero, one = jnp.unstack(split, axis=-1)
    return zero.reshape(size, -1), one.reshape(size, -1)


def _whole(zero: jax.Array, one: jax.Array, place: int) -> jax.Array:
    """The tensor whose halves these are."""
    size = zero.shape[0]
    shape = (size, -1, 2**place)
    both = jnp.stack([zero.reshape(shape), one.reshape(shape)], axis=-1)
    return both.transpose(0, 1, 3, 2).reshape(size, -1)


def _turned(zero: jax.Array, one: jax.Array, half: jax.Array, sine: jax.Array) -> _Pair:
    """A rotation as three shears: three operations a pair instead of four."""
    zero = zero - half * one
    one = one + sine * zero
    return zero - half * one, one


class AngleSlopes:
    """Gradients of the angles of one turn: of each bit, or their sum.

    A rotation R has d R / d angle = J R, and J takes (x0, x1) to (-x1, x0): the slope
    is the sum of y1 x0 - y0 x1, y the adjoint. All rotations of a layer commute, so any
    moment between them will do.
    """

    def __init__(self, tile: Tile, each_bit: bool) -> None:
        self.turned = tile.turned
        self.totals: list[Any] = [None] * (len(tile.turned) if each_bit else 1)

    def add(self, bit: int, state: _Pair, adjoint: _Pair) -> None:
        """Adds what a bit contributes, given where it is zero and where it is one."""
        where = self.turned.index(bit) % len(self.totals)
        found = adjoint[1] * state[0] - adjoint[0] * state[1]
        total = self.totals[where]
        self.totals[where] = found if total is None else total + found


def _exchange(tensor: jax.Array, swap: Swap, *, below: int) -> jax.Array:
    """Exchanges neighbouring threads with the first parts, `below` numbers below."""
    first, count = swap
    size, inner = tensor.shape[0], 2**count
    outer = tensor.shape[1] // (inner * below)
    shape = (size >> first + count, inner, 2**first, outer, inner, below)
    return tensor.reshape(shape).transpose(0, 4, 2, 3, 1, 5).reshape(size, -1)
