"""Annealing and tabu search over K-level registers: no state vector, no one-hot bits.

Letters: L registers at levels c; the field h_l(k) = u_l(k) + sum_m w_lm(k, c_m) is the
part of a `Levels` cost that register l would have at level k. Changing register l from
c_l to k changes the cost by h_l(k) - h_l(c_l), and the fields of the others by one row
of the couplings: O(L K) a move, so 21 registers of 16 levels are no harder than 6 of 5.

Sources: heat bath: Geman & Geman, IEEE PAMI 6 (1984); annealing: Kirkpatrick, Gelatt &
Vecchi, Science 220 (1983); tabu search: Glover, ORSA J. Computing 1 (1989), with a
tenure that is drawn at random (Taillard, Parallel Computing 17 (1991)).
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.optimise.problems.problem import Levels
from qnas_jax.options import Options, option


class Choices(NamedTuple):
    """What an optimiser over K-level registers found.

    Attributes:
      samples: int32 [S, L] levels, in no order.
      costs: [S] their costs.
      evaluations: [] int32 costs or oracle calls that a machine would have to make.
    """

    samples: Array
    costs: Array
    evaluations: Array


@dataclasses.dataclass(frozen=True)
class AnnealLevelsOptions(Options):
    """Temperatures are in units of the root mean square cost change of a move."""

    replicas: int = option(16, "walks at once, each ends in one sample", low=1)
    sweeps: int = option(60, "sweeps of each walk; one renews every register", low=1)
    hottest: float = option(1.0, "first temperature", above=0.0)
    coldest: float = option(0.02, "last temperature", above=0.0)


@dataclasses.dataclass(frozen=True)
class TabuLevelsOptions(Options):
    """How long tabu search walks and remembers."""

    starts: int = option(8, "walks at once, each ends in its best sample", low=1)
    moves: int = option(200, "moves of each walk", low=1)
    tenure: int = option(
        4, "moves for which a level left is forbidden, at least", low=0
    )


_ANNEAL, _TABU = AnnealLevelsOptions(), TabuLevelsOptions()


class _Walk(NamedTuple):
    levels: Array  # [L] int32
    fields: Array  # [L, K_max], inf where a register lacks the level


class _TabuWalk(NamedTuple):
    walk: _Walk
    cost: Array  # []
    free_from: Array  # [L, K_max] int32, first move that may go to the level
    best: Array  # [L] int32
    best_cost: Array  # []


def anneal_levels(
    problem: Levels, key: Array, *, options: AnnealLevelsOptions = _ANNEAL
) -> Choices:
    """Minimises by simulated annealing with heat-bath moves.

    Args:
      problem: a form over L registers, of any size.
      key: consumed.
      options: see `AnnealLevelsOptions`.

    Returns:
      The last levels of every replica.
    """
    couplings = _couplings(problem)
    scale_key, walks_key = jax.random.split(key)
    schedule = jnp.geomspace(options.hottest, options.coldest, options.sweeps)
    temperatures = schedule * _move_scale(problem, couplings, scale_key)

    def anneal(key: Array) -> Array:
        start_key, sweeps_key = jax.random.split(key)
        walk = _start(problem, couplings, random_levels(start_key, problem.num_levels))
        keys = jax.random.split(sweeps_key, options.sweeps)

        def sweep(walk: _Walk, step: tuple[Array, Array]) -> tuple[_Walk, None]:
            return _heat_bath_sweep(couplings, walk, *step), None

        return jax.lax.scan(sweep, walk, (keys, temperatures))[0].levels

    samples = jax.vmap(anneal)(jax.random.split(walks_key, options.replicas))
    renewed = options.replicas * options.sweeps * len(problem.num_levels)
    return Choices(samples, problem.cost_of_choices(samples), jnp.int32(renewed))


def tabu_levels(
    problem: Levels, key: Array, *, options: TabuLevelsOptions = _TABU
) -> Choices:
    """Minimises by tabu search: always the best allowed move, also uphill.

    A level that a register left is forbidden for `tenure` moves and up to as many more,
    drawn at random, unless going there gives a new best (aspiration).

    Args:
      problem: a form over L registers, of any size.
      key: consumed.
      options: see `TabuLevelsOptions`.

    Returns:
      The best levels of every start.
    """
    couplings = _couplings(problem)

    def search(key: Array) -> Array:
        start_key, moves_key = jax.random.split(key)
        levels = random_levels(start_key, problem.num_levels)
        walk = _start(problem, couplings, levels)
        cost = problem.cost_of_choices(levels)
        free_from = jnp.zeros(walk.fields.shape, jnp.int32)
        tenures = options.tenure + jax.random.randint(
            moves_key, (options.moves,), 1, options.tenure + 2
        )

        def move(state: _TabuWalk, step: tuple[Array, Array]) -> tuple[_TabuWalk, None]:
            return _tabu_move(couplings, state, *step), None

        start = _TabuWalk(walk, cost, free_from, levels, cost)
        steps = (jnp.arange(options.moves), tenures)
        return jax.lax.scan(move, start, steps)[0].best

    samples = jax.vmap(search)(jax.random.split(key, options.starts))
    moves = sum(problem.num_levels) - len(problem.num_levels)
    asked = options.starts * options.moves * moves
    return Choices(samples, problem.cost_of_choices(samples), jnp.int32(asked))


def random_levels(key: Array, num_levels: tuple[int, ...]) -> Array:
    """Uniform levels int32 [L]; consumes the key."""
    counts = jnp.asarray(num_levels, jnp.int32)
    return jax.random.randint(key, counts.shape, 0, counts)


def _couplings(problem: Levels) -> Array:
    """[L, K, L, K]: row (m, j) is what register m at level j adds to all fields."""
    pairwise = problem.pairwise
    both = pairwise + pairwise.transpose(1, 0, 3, 2)
    return both.transpose(1, 3, 0, 2)


def _start(problem: Levels, couplings: Array, levels: Array) -> _Walk:
    registers = jnp.arange(len(problem.num_levels))
    lacks = np.arange(problem.unary.shape[1]) >= np.asarray(problem.num_levels)[:, None]
    fields = problem.unary + jnp.sum(couplings[registers, levels], axis=0)
    return _Walk(levels, jnp.where(lacks, jnp.inf, fields))


def _change(couplings: Array, walk: _Walk, register: Array, level: Array) -> _Walk:
    before = walk.levels[register]
    added = couplings[register, level] - couplings[register, before]
    return _Walk(walk.levels.at[register].set(level), walk.fields + added)


def _move_scale(problem: Levels, couplings: Array, key: Array) -> Array:
    """Root mean square cost change [] of a random move from random levels."""

    def squared(key: Array) -> tuple[Array, Array]:
        levels = random_levels(key, problem.num_levels)
        changes = _changes(_start(problem, couplings, levels))
        finite = jnp.isfinite(changes)
        return jnp.sum(jnp.where(finite, changes, 0.0) ** 2), jnp.sum(finite)

    squares, counts = jax.vmap(squared)(jax.random.split(key, 16))
    moves = jnp.maximum(jnp.sum(counts) - 16 * len(problem.num_levels), 1)
    scale = jnp.sqrt(jnp.sum(squares) / moves)
    return jnp.where(scale > 0, scale, 1.0)


def _changes(walk: _Walk) -> Array:
    """Cost changes [L, K_max] of all moves; zero for the present levels."""
    now = jnp.take_along_axis(walk.fields, walk.levels[:, None], axis=1)
    return walk.fields - now


def _heat_bath_sweep(
    couplings: Array, walk: _Walk, key: Array, temperature: Array
) -> _Walk:
    """Draws every register's level, in order, from its Boltzmann distribution."""
    noise = jax.random.gumbel(key, walk.fields.shape)

    def renew(register: Array, walk: _Walk) -> _Walk:
        drawn = jnp.argmax(noise[register] - walk.fields[register] / temperature)
        return _change(couplings, walk, register, drawn.astype(jnp.int32))

    return jax.lax.fori_loop(0, len(walk.levels), renew, walk)


def _tabu_move(
    couplings: Array, state: _TabuWalk, number: Array, tenure: Array
) -> _TabuWalk:
    walk, most = state.walk, state.walk.fields.shape[1]
    changes = _changes(walk)
    here = walk.levels[:, None] == jnp.arange(most)[None, :]
    allowed = (state.free_from <= number) | (state.cost + changes < state.best_cost)
    flat = jnp.where(allowed & ~here, changes, jnp.inf).reshape(-1)
    place = jnp.argmin(flat)
    # With nothing allowed the walk stays where it is.
    possible = jnp.isfinite(flat[place])
    register, level = place // most, (place % most).astype(jnp.int32)
    before = walk.levels[register]
    level = jnp.where(possible, level, before)
    cost = state.cost + jnp.where(possible, flat[place], 0.0)
    walk = _change(couplings, walk, register, level)
    until = jnp.where(possible, number + 1 + tenure, state.free_from[register, before])
    better = cost < state.best_cost
    return _TabuWalk(
        walk=walk,
        cost=cost,
        free_from=state.free_from.at[register, before].set(until),
        best=jnp.where(better, walk.levels, state.best),
        best_cost=jnp.where(better, cost, state.best_cost),
    )
