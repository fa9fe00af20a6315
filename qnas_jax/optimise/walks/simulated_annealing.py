"""Simulated annealing: thermal moves while the temperature falls, many replicas.

Kirkpatrick, Gelatt & Vecchi, "Optimization by simulated annealing", Science 220 (1983).
A sweep goes through the registers in order (as fast implementations do: Isakov et al.,
Comput. Phys. Commun. 192 (2015)): bits are flipped by the rule of Metropolis, levels of
other registers drawn by heat bath. A quadratic form takes O(n) a flip or O(L K) a
level, so problems far past what a state vector holds are no harder than others.
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
from qnas_jax.optimise.walks.walk import Moves, Walk, move_scale
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class AnnealOptions(Options):
    """Temperatures are in units of the root mean square cost change of a move."""

    replicas: int = option(32, "walks at once", low=1)
    sweeps: int = option(
        200, "sweeps of each walk through all registers", low=1, high=LARGEST_COUNT
    )
    schedule: str = option(
        "geometric", "how the temperature falls", choices=("geometric", "linear")
    )
    hottest: float = option(2.0, "first temperature", above=0.0)
    coldest: float = option(0.02, "last temperature", above=0.0)


_DEFAULTS = AnnealOptions()


@optimiser(Demands("simulated_annealing"))
def simulated_annealing(
    problem: Problem, key: Array, *, options: AnnealOptions = _DEFAULTS
) -> Result:
    """Minimises a cost by simulated annealing.

    Args:
      problem: a `Quadratic` or `Levels` form of any size, others as far as their cost
        is quick.
      key: consumed.
      options: see `AnnealOptions`.

    Returns:
      The best assignment among those at the end of a sweep; `samples` [replicas, L] are
      the last ones, `trace` [sweeps] the best cost so far; a level drawn counts as many
      evaluations as it had alternatives.
    """
    scale_key, walks_key = jax.random.split(key)
    moves = moves_of(problem)
    temperatures = move_scale(moves, scale_key) * temperature_schedule(options)

    def one(key: Array) -> _Replica:
        return _anneal(moves, key, temperatures)

    ends = jax.vmap(one)(jax.random.split(walks_key, options.replicas))
    best = ends.best[jnp.argmin(ends.best_cost)].astype(jnp.int32)
    samples = ends.walk.levels.astype(jnp.int32)
    proposed = moves.count * options.sweeps + 1
    return Result(
        levels=best,
        cost=problem.cost(best),
        samples=samples,
        sample_costs=problem.cost(samples),
        trace=ends.trace.min(axis=0),
        evaluations=options.replicas * proposed,
    )


def temperature_schedule(options: AnnealOptions) -> Array:
    """Temperatures [sweeps], from `hottest` to `coldest`."""
    space = jnp.geomspace if options.schedule == "geometric" else jnp.linspace
    return space(options.hottest, options.coldest, options.sweeps)


class _Replica(NamedTuple):
    walk: Walk
    best: Array  # [L]
    best_cost: Array  # []
    trace: Array  # [sweeps] best cost so far


def _anneal(moves: Moves, key: Array, temperatures: Array) -> _Replica:
    start_key, sweeps_key = jax.random.split(key)
    walk = moves.start(moves.random(start_key))

    def sweep(
        carry: tuple[Walk, Array, Array], step: tuple[Array, Array]
    ) -> tuple[tuple[Walk, Array, Array], Array]:
        walk, best, best_cost = carry
        walk = moves.thermal_sweep(walk, *step)
        better = walk.cost < best_cost
        best = jnp.where(better, walk.levels, best)
        best_cost = jnp.minimum(walk.cost, best_cost)
        return (walk, best, best_cost), best_cost

    steps = (temperatures, jax.random.split(sweeps_key, temperatures.shape[0]))
    start = (walk, walk.levels, walk.cost)
    (walk, best, cost), trace = jax.lax.scan(sweep, start, steps)
    return _Replica(walk, best, cost, trace)
