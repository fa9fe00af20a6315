"""Tabu search over single moves: the best one that is not tabu, uphill if need be.

Glover, "Tabu search - part I", ORSA J. Comput. 1 (1989); for quadratic forms Glover,
Lu & Hao, 4OR 8 (2010): what undoes a move, the flip of the same bit or the way back to
the level that a register left, is tabu for `tenure` steps plus a random number of up to
ten, unless it gives the best cost so far (aspiration). Restarts are those of iterated
tabu search, Palubeckis, Informatica 17 (2006): from the best assignment with a share of
its registers turned.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.optimise.walks.moves import moves_of
from qnas_jax.optimise.walks.walk import Moves, Walk
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class TabuOptions(Options):
    """Walks, and how long each goes on."""

    walks: int = option(8, "independent searches at once", low=1)
    restarts: int = option(
        5, "starts of each walk, the first one random", low=1, high=LARGEST_COUNT
    )
    steps: int = option(200, "moves after each start", low=1, high=LARGEST_COUNT // 2)
    tenure: int = option(
        0,
        "steps until a move may be undone; 0: min(20, M / 4) of M moves",
        low=0,
        high=LARGEST_COUNT // 2,
    )
    turned: float = option(
        0.2, "share of registers turned at a restart", above=0.0, high=1.0
    )


_DEFAULTS = TabuOptions()
_MOST_EXTRA = 10
_ROUNDING = 1e-4  # share of the largest change


@optimiser(Demands("tabu"))
def tabu(problem: Problem, key: Array, *, options: TabuOptions = _DEFAULTS) -> Result:
    """Minimises a cost by tabu search.

    Args:
      problem: a `Quadratic` or `Levels` form of any size, others as far as the costs of
        all moves are quick.
      key: consumed.
      options: see `TabuOptions`.

    Returns:
      The best assignment; `samples` [walks, L] are the best of each walk, `trace`
      [restarts * steps] the best cost so far; each step counts an evaluation a move.
    """
    moves = moves_of(problem)
    tenure = options.tenure or max(1, min(20, moves.count // 4))

    def one(key: Array) -> tuple[Array, Array]:
        return _walk(moves, key, tenure, options)

    found, traces = jax.vmap(one)(jax.random.split(key, options.walks))
    samples = found.astype(jnp.int32)
    costs = problem.cost(samples)
    first = jnp.argmin(costs)
    each = options.restarts * (options.steps * moves.count + 1)
    return Result(
        levels=samples[first],
        cost=costs[first],
        samples=samples,
        sample_costs=costs,
        trace=traces.min(axis=0),
        evaluations=options.walks * each,
    )


class _Tabu(NamedTuple):
    walk: Walk
    free_at: Array  # int32 [M], the step from which a move may be made again
    best: Array  # [L]
    best_cost: Array  # []


def _walk(
    moves: Moves, key: Array, tenure: int, options: TabuOptions
) -> tuple[Array, Array]:
    """Best levels [L] and trace [restarts * steps] of one walk."""
    first_key, restarts_key = jax.random.split(key)
    first = moves.random(first_key)

    def restart(
        best: tuple[Array, Array], keys: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        index, key = keys
        turn_key, steps_key = jax.random.split(key)
        share = jnp.where(index == 0, 0.0, options.turned)
        walk = moves.start(moves.perturb(best[0], share, turn_key))
        better = walk.cost < best[1]
        start = _Tabu(
            walk,
            jnp.zeros(moves.changes(walk).shape, jnp.int32),
            jnp.where(better, walk.levels, best[0]),
            jnp.minimum(walk.cost, best[1]),
        )
        extra = jax.random.randint(
            steps_key, (options.steps,), 0, _MOST_EXTRA + 1, jnp.int32
        )

        def step(state: _Tabu, now: tuple[Array, Array]) -> tuple[_Tabu, Array]:
            return _step(moves, state, now[0], tenure + now[1])

        last, trace = jax.lax.scan(
            step, start, (jnp.arange(options.steps, dtype=jnp.int32), extra)
        )
        return (last.best, last.best_cost), trace

    keys = jax.random.split(restarts_key, options.restarts)
    best, traces = jax.lax.scan(
        restart,
        (first, jnp.full_like(moves.start(first).cost, jnp.inf)),
        (jnp.arange(options.restarts), keys),
    )
    return best[0], traces.reshape(-1)


def _step(moves: Moves, state: _Tabu, now: Array, stay: Array) -> tuple[_Tabu, Array]:
    """One move; the state after it and the best cost [] so far."""
    walk = state.walk
    changes = moves.changes(walk)
    possible = jnp.isfinite(changes)
    # Sums of float32 changes do not come back to the best cost exactly.
    margin = _ROUNDING * jnp.max(jnp.abs(changes), where=possible, initial=0.0)
    aspires = walk.cost + changes < state.best_cost - margin
    allowed = (state.free_at <= now) & possible | aspires
    # If all moves are tabu, the one that is free soonest.
    soonest = jnp.where(possible, state.free_at, jnp.iinfo(jnp.int32).max)
    move = jnp.where(
        allowed.any(),
        jnp.argmin(jnp.where(allowed, changes, jnp.inf)),
        jnp.argmin(soonest),
    )
    # Registers of one level each have no move at all.
    back = moves.back(walk, move)
    walk = moves.make(walk, move, changes[move], possible[move])
    better = walk.cost < state.best_cost
    after = _Tabu(
        walk,
        state.free_at.at[back].set(now + 1 + stay),
        jnp.where(better, walk.levels, state.best),
        jnp.minimum(walk.cost, state.best_cost),
    )
    return after, after.best_cost
