"""Alternating circuits in few passes over the state.

The rotations of one layer commute, so every layer goes through its groups of bits
(`tiles.py`) in the opposite order of the layer before it. The last group of a layer is
then the first of the next, and one pass finishes a layer, applies phases, and begins
another:

    | D1 a1 | b1 | c1 D2 c2 | b2 | a2 D3 a3 | b3 | c3 ...

With G groups a layer costs G - 1 passes. Bytes of a pass for each amplitude in float32:
8 read and 8 written, backwards 16 and 16 (the state is computed back, not kept), and 4
of the costs where there are phases.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from qnas_jax.kernels import mixer
from qnas_jax.kernels.tile_passes import Angles, Step, run_pass, undo_pass
from qnas_jax.kernels.tiles import Shape, Tile, make_tiles

Phases = Callable[[jax.Array, Any], jax.Array]
Passes = list[tuple[int, tuple[Step, ...], int]]
"""Of a turn of the loop: which tile, its steps, and the layer of its phases."""

# Steps count from the layer before the two of a turn of the loop.
_LAST = (Step("turn", 0),)
_FIRST, _SECOND = (Step("turn", 1),), (Step("turn", 2),)
_TO_FIRST = (Step("turn", 0), Step("phase", 1), Step("turn", 1))
_TO_SECOND = (Step("turn", 1), Step("phase", 2), Step("turn", 2))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def evolve(
    shapes: tuple[Shape, Shape],
    num_qubits: int,
    phases: Phases,
    single: bool,
    data: Any,
    gammas: jax.Array,
    betas: jax.Array,
) -> mixer.Planes:
    """Planes of the state in the frame of the mixer.

    Args:
      shapes: of the tiles, and of those of the reverse mode.
      num_qubits: n.
      phases: (a layer's gammas, data) -> phases [2^n].
      single: whether phases are gamma * data, with one gamma a layer; they are computed
        within the passes then.
      data: what the phases are made of; [2^n] if `single`.
      gammas: [p, ...]; [p] if `single`.
      betas: [p] or [p, n].

    Returns:
      Real and imaginary part, [2^n] each.

    Raises:
      UserError: a single tile holds the whole state.
    """
    num_layers = len(betas)
    tiles = make_tiles(num_qubits, shapes[0])
    angles = _Layers(phases, single, num_qubits, data, gammas, betas)

    def go(planes: mixer.Planes, first: jax.Array, passes: Passes) -> mixer.Planes:
        for place, steps, layer in passes:
            own = angles.of(steps, first[0] + layer)
            planes = run_pass(tiles[place], steps, planes, own, first)
        return planes

    middle, last = range(1, len(tiles) - 1), len(tiles) - 1
    to_last: Passes = [(0, _TO_FIRST, 1), *((place, _FIRST, 1) for place in middle)]
    to_first: Passes = [
        (last, _TO_SECOND, 2),
        *((place, _SECOND, 2) for place in middle[::-1]),
    ]

    def two_layers(planes: mixer.Planes, first: jax.Array) -> tuple[mixer.Planes, None]:
        return go(planes, first, to_last + to_first), None

    real, imaginary = mixer.uniform_planes(num_qubits, betas.dtype)
    planes = angles.sign * real, angles.sign * imaginary
    planes, _ = lax.scan(two_layers, planes, _firsts(num_layers))
    if num_layers % 2:
        rest = [*to_last, (last, _FIRST, 1)]
        return go(planes, _first(num_layers - 1), rest)
    return go(planes, _first(num_layers), [(0, _LAST, 0)])


def _forward(
    shapes: tuple[Shape, Shape],
    num_qubits: int,
    phases: Phases,
    single: bool,
    data: Any,
    gammas: Any,
    betas: Any,
) -> tuple[mixer.Planes, tuple]:
    # Slopes of all phases are written only if the data's gradient is asked for.
    wanted = any(leaf.perturbed for leaf in jax.tree.leaves(data))
    data, gammas, betas = jax.tree.map(lambda leaf: leaf.value, (data, gammas, betas))
    planes = evolve(shapes, num_qubits, phases, single, data, gammas, betas)
    kept = (planes, data, gammas, betas)
    return planes, ((), kept) if single and not wanted else (kept, ())


def _backward(
    shapes: tuple[Shape, Shape],
    num_qubits: int,
    phases: Phases,
    single: bool,
    saved: tuple,
    cotangent: Any,
) -> tuple[Any, jax.Array, jax.Array]:
    within = single and not saved[0]
    planes, data, gammas, betas = saved[1] if within else saved[0]
    adjoint = tuple(
        jnp.zeros_like(plane) if isinstance(slope, SymbolicZero) else slope
        for plane, slope in zip(planes, cotangent, strict=True)
    )
    tiles, num_layers = make_tiles(num_qubits, shapes[1]), len(betas)
    angles = _Layers(phases, within, num_qubits, data, gammas, betas)
    undo = functools.partial(_undo, tiles, angles, betas.ndim == 2)
    undo_first, undo_second = _undoing(len(tiles))

    def two_layers(carry: tuple, first: jax.Array) -> tuple[tuple, tuple]:
        carry, sums, gamma_slopes = undo(carry, first, undo_second + undo_first)
        return carry, (sums, gamma_slopes)

    slopes = _Slopes(tiles, gammas, betas, within)
    data_slope = jax.tree.map(jnp.zeros_like, data)
    carry = planes, adjoint, None if within else data_slope
    if num_layers % 2:
        rest = [(len(tiles) - 1, _FIRST, 1), *undo_first]
        first = _first(num_layers - 1)
    else:
        rest, first = [(0, _LAST, 0)], _first(num_layers)
    carry, *once = undo(carry, first, rest)
    slopes.add(rest, first[None], *jax.tree.map(lambda x: x[None], once))
    firsts = _firsts(num_layers)
    carry, found = lax.scan(two_layers, carry, firsts, reverse=True)
    slopes.add(undo_second + undo_first, firsts, *found)
    data_slope = data_slope if within else carry[2]
    return data_slope, slopes.gammas[1:], slopes.betas[1:]


evolve.defvjp(_forward, _backward, symbolic_zeros=True)


def _undoing(num_tiles: int) -> tuple[Passes, Passes]:
    """Passes that undo the first and the second layer of a turn of the loop."""
    middle = range(1, num_tiles - 1)
    first: Passes = [*((place, _FIRST, 1) for place in middle[::-1])]
    second: Passes = [*((place, _SECOND, 2) for place in middle)]
    return (
        [*first, (0, _TO_FIRST[::-1], 1)],
        [*second, (num_tiles - 1, _TO_SECOND[::-1], 2)],
    )


def _undo(
    tiles: Sequence[Tile],
    angles: "_Layers",
    each_bit: bool,
    carry: tuple,
    first: jax.Array,
    passes: Passes,
) -> tuple[tuple, list[jax.Array], dict[int, jax.Array]]:
    """Undoes passes; also the sums of each, and the slopes of gammas by layer."""
    planes, adjoint, data_slope = carry
    sums, gamma_slopes = [], {}
    for place, steps, layer in passes:
        row = first[0] + layer
        undone = undo_pass(
            tiles[place],
            steps,
            planes,
            adjoint,
            angles.of(steps, row),
            first,
            each_bit=each_bit,
            with_slopes=_has_phase(steps) and not angles.within,
        )
        planes, adjoint = undone.planes, undone.adjoint
        sums.append(undone.sums)
        if undone.slopes is not None:
            _, pull = jax.vjp(angles.phases, angles.gammas[row - 1], angles.data)
            gamma_slopes[layer], more = pull(undone.slopes)
            data_slope = jax.tree.map(jnp.add, data_slope, more)
    return (planes, adjoint, data_slope), sums, gamma_slopes


class _Slopes:
    """Gradients of all angles, collected from passes; row 0 belongs to no layer."""

    def __init__(
        self, tiles: Sequence[Tile], gammas: jax.Array, betas: jax.Array, within: bool
    ) -> None:
        self.tiles = tiles
        self.within = within
        self.gammas = jnp.zeros_like(gammas, shape=(len(gammas) + 1, *gammas.shape[1:]))
        self.betas = jnp.zeros_like(betas, shape=(len(betas) + 1, *betas.shape[1:]))

    def add(
        self,
        passes: Passes,
        firsts: jax.Array,
        sums: Sequence[jax.Array],
        gamma_slopes: dict[int, jax.Array],
    ) -> None:
        """Adds what the passes of each turn of the loop have found.

        Args:
          passes: of one turn.
          firsts: [T, 3] layer that the steps of a turn count from.
          sums: for each pass [T, steps, bits].
          gamma_slopes: [T, ...] by layer of a turn, if phases are made outside.
        """
        for (place, steps, _), each in zip(passes, sums, strict=True):
            bits = jnp.array(self.tiles[place].turned)
            for number, step in enumerate(steps):
                rows, found = firsts[:, 0] + step.layer, each[:, number]
                if step.action == "turn":
                    if self.betas.ndim == 1:
                        where, found = self.betas.at[rows], found[:, 0]
                    else:
                        where = self.betas.at[rows[:, None], -1 - bits[None]]
                    self.betas = where.add(found)
                elif self.within:
                    self.gammas = self.gammas.at[rows].add(found[:, 0])
        for layer, found in gamma_slopes.items():
            self.gammas = self.gammas.at[firsts[:, 0] + layer].add(found)


class _Layers:
    """What passes read of the layers; row 0 does nothing."""

    def __init__(
        self,
        phases: Phases,
        within: bool,
        num_qubits: int,
        data: Any,
        gammas: jax.Array,
        betas: jax.Array,
    ) -> None:
        self.phases, self.within = phases, within
        self.data, self.gammas = data, gammas
        rows = jnp.concatenate([jnp.zeros_like(betas[:1]), betas])
        if betas.ndim == 1:
            rows = jnp.broadcast_to(rows[:, None], (len(rows), num_qubits))
        # R(angle) = -R(angle - pi): shears are accurate up to a quarter turn.
        halves = jnp.round(rows / jnp.pi)
        rows = rows - jnp.pi * halves
        self.sign = 1 - 2 * (jnp.sum(halves) % 2)
        by_bit = rows[:, ::-1]
        turns = jnp.stack([jnp.tan(by_bit / 2), jnp.sin(by_bit)], axis=1)
        self.turns = turns.reshape(-1)
        own = gammas if within else jnp.ones(len(gammas), gammas.dtype)
        self.factors = jnp.concatenate([jnp.zeros_like(own[:1]), own])

    def of(self, steps: tuple[Step, ...], row: jax.Array) -> Angles:
        """For a pass of which the phases belong to a row."""
        if self.within:
            costs = self.data
        elif _has_phase(steps):
            costs = self.phases(self.gammas[row - 1], self.data)
        else:
            costs = jnp.zeros(1, self.factors.dtype)
        return Angles(costs, self.factors, self.turns)


def _has_phase(steps: tuple[Step, ...]) -> bool:
    return any(step.action == "phase" for step in steps)


def _first(layer: int) -> jax.Array:
    return jnp.array([layer, 0, 0], jnp.int32)


def _firsts(num_layers: int) -> jax.Array:
    """Where the turns of the loop over two layers begin, [T, 3] with two zeros each."""
    return (
        jnp.zeros((num_layers // 2, 3), jnp.int32)
        .at[:, 0]
        .set(2 * jnp.arange(num_layers // 2, dtype=jnp.int32))
    )
