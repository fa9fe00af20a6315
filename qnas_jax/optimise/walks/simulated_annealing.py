"""Simulated annealing: Metropolis flips while the temperature falls, many replicas.

Kirkpatrick, Gelatt & Vecchi, "Optimization by simulated annealing", Science 220 (1983).
A sweep proposes each bit once, in order (as fast implementations do: Isakov et al.,
Comput. Phys. Commun. 192 (2015)); a quadratic form takes O(n) a flip, so problems far
past what a state vector holds are no harder than others.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.problems.problem import Problem
from qnas_jax.optimise.result import Result
from qnas_jax.optimise.walks.flips import Flips, Walk, flip_scale, flips_of, random_bits
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class AnnealOptions(Options):
    """Temperatures are in units of the root mean square cost change of a flip."""

    replicas: int = option(32, "walks at once", low=1)
    sweeps: int = option(200, "sweeps of each walk, n proposed flips each", low=1)
    schedule: str = option(
        "geometric", "how the temperature falls", choices=("geometric", "linear")
    )
    hottest: float = option(2.0, "first temperature", above=0.0)
    coldest: float = option(0.02, "last temperature", above=0.0)


_DEFAULTS = AnnealOptions()


def simulated_annealing(
    problem: Problem, key: Array, *, options: AnnealOptions = _DEFAULTS
) -> Result:
    """Minimises a cost by simulated annealing.

    Args:
      problem: n bits; a `Quadratic` of any n, others as far as their cost is quick.
      key: consumed.
      options: see `AnnealOptions`.

    Returns:
      The best string among those at the end of a sweep; `samples` [replicas, n] are
      the last ones, `trace` [sweeps] the best cost so far.
    """
    scale_key, walks_key = jax.random.split(key)
    flips = flips_of(problem)
    scale = flip_scale(flips, scale_key, problem.num_qubits)
    temperatures = scale * temperature_schedule(options)

    def one(key: Array) -> _Replica:
        return _anneal(flips, key, problem.num_qubits, temperatures)

    ends = jax.vmap(one)(jax.random.split(walks_key, options.replicas))
    first = jnp.argmin(ends.best_cost)
    best = ends.best_bits[first].astype(jnp.int8)
    samples = ends.walk.bits.astype(jnp.int8)
    proposed = problem.num_qubits * options.sweeps + 1
    return Result(
        bits=best,
        cost=problem.cost(best),
        samples=samples,
        sample_costs=problem.cost(samples),
        trace=ends.trace.min(axis=0),
        evaluations=jnp.asarray(options.replicas * proposed, jnp.int32),
    )


def temperature_schedule(options: AnnealOptions) -> Array:
    """Temperatures [sweeps], from `hottest` to `coldest`."""
    space = jnp.geomspace if options.schedule == "geometric" else jnp.linspace
    return space(options.hottest, options.coldest, options.sweeps)


def metropolis_sweep(flips: Flips, walk: Walk, temperature: Array, key: Array) -> Walk:
    """Proposes each bit once, in order.

    Args:
      flips: of the problem.
      walk: one string under way.
      temperature: [] in units of the cost.
      key: consumed.

    Returns:
      The walk after n proposals.
    """
    # A flip is taken with probability exp(-change / T): where change <= T * drawn.
    limits = temperature * jax.random.exponential(key, walk.bits.shape)

    def decide(place: Array, changes: Array, bits: Array) -> Array:
        del bits
        return changes <= limits[place]

    alone = jax.tree.map(lambda each: each[None], walk)
    return jax.tree.map(lambda each: each[0], flips.sweep(alone, decide))


class _Replica(NamedTuple):
    walk: Walk
    best_bits: Array  # [n]
    best_cost: Array  # []
    trace: Array  # [sweeps] best cost so far


def _anneal(flips: Flips, key: Array, num_qubits: int, temperatures: Array) -> _Replica:
    start_key, sweeps_key = jax.random.split(key)
    walk = flips.start(random_bits(start_key, num_qubits))

    def sweep(
        carry: tuple[Walk, Array, Array], step: tuple[Array, Array]
    ) -> tuple[tuple[Walk, Array, Array], Array]:
        walk, best_bits, best_cost = carry
        walk = metropolis_sweep(flips, walk, *step)
        better = walk.cost < best_cost
        best_bits = jnp.where(better, walk.bits, best_bits)
        best_cost = jnp.minimum(walk.cost, best_cost)
        return (walk, best_bits, best_cost), best_cost

    steps = (temperatures, jax.random.split(sweeps_key, temperatures.shape[0]))
    (walk, bits, cost), trace = jax.lax.scan(sweep, (walk, walk.bits, walk.cost), steps)
    return _Replica(walk, bits, cost, trace)
