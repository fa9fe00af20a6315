"""Tabu search over single flips: the best flip that is not tabu, uphill if need be.

Glover, "Tabu search - part I", ORSA J. Comput. 1 (1989); for quadratic forms Glover,
Lu & Hao, 4OR 8 (2010): a bit that was flipped stays for `tenure` steps plus a random
number of up to ten, unless flipping it gives the best cost so far (aspiration).
Restarts are those of iterated tabu search, Palubeckis, Informatica 17 (2006): from the
best string with a share of its bits turned.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.problems.problem import Problem
from qnas_jax.optimise.result import Result
from qnas_jax.optimise.walks.flips import Flips, Walk, flips_of, random_bits
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class TabuOptions(Options):
    """Walks, and how long each goes on."""

    walks: int = option(8, "independent searches at once", low=1)
    restarts: int = option(5, "starts of each walk, the first one random", low=1)
    steps: int = option(200, "flips after each start", low=1)
    tenure: int = option(0, "steps a flipped bit stays; 0: min(20, n / 4)", low=0)
    turned: float = option(
        0.2, "share of bits turned at a restart", above=0.0, high=1.0
    )


_DEFAULTS = TabuOptions()
_MOST_EXTRA = 10
_ROUNDING = 1e-4  # share of the largest change


def tabu(problem: Problem, key: Array, *, options: TabuOptions = _DEFAULTS) -> Result:
    """Minimises a cost by tabu search.

    Args:
      problem: n bits; a `Quadratic` of any n, others as far as n costs are quick.
      key: consumed.
      options: see `TabuOptions`.

    Returns:
      The best string; `samples` [walks, n] are the best of each walk, `trace`
      [restarts * steps] the best cost so far; each step counts n evaluations.
    """
    flips, num_qubits = flips_of(problem), problem.num_qubits
    tenure = options.tenure or max(1, min(20, num_qubits // 4))

    def one(key: Array) -> tuple[Array, Array]:
        return _walk(flips, key, num_qubits, tenure, options)

    found, traces = jax.vmap(one)(jax.random.split(key, options.walks))
    samples = found.astype(jnp.int8)
    costs = problem.cost(samples)
    first = jnp.argmin(costs)
    each = options.restarts * (options.steps * num_qubits + 1)
    return Result(
        bits=samples[first],
        cost=costs[first],
        samples=samples,
        sample_costs=costs,
        trace=traces.min(axis=0),
        evaluations=jnp.asarray(options.walks * each, jnp.int32),
    )


class _Tabu(NamedTuple):
    walk: Walk
    free_at: Array  # int32 [n], the step from which a bit may be flipped again
    best_bits: Array  # [n]
    best_cost: Array  # []


def _walk(
    flips: Flips, key: Array, num_qubits: int, tenure: int, options: TabuOptions
) -> tuple[Array, Array]:
    """Best bits [n] and trace [restarts * steps] of one walk."""
    first_key, restarts_key = jax.random.split(key)
    first = random_bits(first_key, num_qubits)

    def restart(
        best: tuple[Array, Array], keys: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        index, key = keys
        turn_key, steps_key = jax.random.split(key)
        share = jnp.where(index == 0, 0.0, options.turned)
        turned = jax.random.bernoulli(turn_key, share, (num_qubits,))
        walk = flips.start(jnp.where(turned, 1.0 - best[0], best[0]))
        better = walk.cost < best[1]
        start = _Tabu(
            walk,
            jnp.zeros(num_qubits, jnp.int32),
            jnp.where(better, walk.bits, best[0]),
            jnp.minimum(walk.cost, best[1]),
        )
        extra = jax.random.randint(
            steps_key, (options.steps,), 0, _MOST_EXTRA + 1, jnp.int32
        )

        def step(state: _Tabu, now: tuple[Array, Array]) -> tuple[_Tabu, Array]:
            return _step(flips, state, now[0], tenure + now[1])

        last, trace = jax.lax.scan(
            step, start, (jnp.arange(options.steps, dtype=jnp.int32), extra)
        )
        return (last.best_bits, last.best_cost), trace

    keys = jax.random.split(restarts_key, options.restarts)
    best, traces = jax.lax.scan(
        restart,
        (first, jnp.full_like(flips.start(first).cost, jnp.inf)),
        (jnp.arange(options.restarts), keys),
    )
    return best[0], traces.reshape(-1)


def _step(flips: Flips, state: _Tabu, now: Array, stay: Array) -> tuple[_Tabu, Array]:
    """One flip; the state after it and the best cost [] so far."""
    walk = state.walk
    changes = flips.changes(walk)
    # Sums of float32 changes do not come back to the best cost exactly.
    margin = _ROUNDING * jnp.abs(changes).max()
    aspires = walk.cost + changes < state.best_cost - margin
    allowed = (state.free_at <= now) | aspires
    # If all bits are tabu, the one that is free soonest.
    place = jnp.where(
        allowed.any(),
        jnp.argmin(jnp.where(allowed, changes, jnp.inf)),
        jnp.argmin(state.free_at),
    )
    walk = flips.flip(walk, place, changes[place], jnp.asarray(True))
    better = walk.cost < state.best_cost
    after = _Tabu(
        walk,
        state.free_at.at[place].set(now + 1 + stay),
        jnp.where(better, walk.bits, state.best_bits),
        jnp.minimum(walk.cost, state.best_cost),
    )
    return after, after.best_cost
