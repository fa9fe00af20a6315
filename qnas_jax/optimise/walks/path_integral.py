"""Simulated quantum annealing: Monte Carlo of a path integral in imaginary time.

A transverse-field model C - G sum_i X_i at temperature T is sampled as P copies
("slices") of the classical one, at temperature P T, in a ring whose neighbours attract:

    weight ~ exp(-sum_p C(x_p) / (P T) + K sum_{p,i} s_{p,i} s_{p+1,i}),
    K = J / (P T) = -1/2 ln tanh(G / (P T)),      s = 1 - 2 x.

(Suzuki-Trotter; its error falls as (1 / (P T))^2.) The field G is lowered while T
stays: Martonak, Santoro & Tosatti, Phys. Rev. B 66, 094203 (2002). Moves are flips of a
bit in one slice and of its whole world line, in all slices. A quadratic form takes O(n)
a flip, so problems far past what a state vector holds are no harder than others.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.optimise.walks.flips import Flips, flips_of
from qnas_jax.optimise.walks.walk import Walk, move_scale
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class PathIntegralOptions(Options):
    """Fields and T are in units of the root mean square cost change of a flip."""

    replicas: int = option(4, "independent path integrals at once", low=1)
    slices: int = option(16, "copies along imaginary time, an even number", low=2)
    sweeps: int = option(
        200, "sweeps of each, one proposal a bit and slice", low=1, high=LARGEST_COUNT
    )
    temperature: float = option(0.05, "temperature, constant", above=0.0)
    field_start: float = option(2.0, "first transverse field", above=0.0)
    field_end: float = option(0.01, "last transverse field", above=0.0)


_DEFAULTS = PathIntegralOptions()


@optimiser(Demands("path_integral", bits_only=True))
def path_integral(
    problem: Problem, key: Array, *, options: PathIntegralOptions = _DEFAULTS
) -> Result:
    """Minimises a cost by simulated quantum annealing.

    Args:
      problem: n bits; a `Quadratic` of any n, others as far as their cost is quick.
      key: consumed.
      options: see `PathIntegralOptions`.

    Returns:
      The best string of any slice at the end of a sweep; `samples` are the last
      slices [replicas * slices, n], `trace` [sweeps] the best cost so far. A proposed
      flip in one slice counts one evaluation; world lines use the same changes.

    Raises:
      UserError: an odd number of slices, or registers of other than two levels.
    """
    check_slices(options.slices)
    num_qubits = len(problem.num_levels)
    scale_key, walks_key = jax.random.split(key)
    flips = flips_of(problem)
    scale = move_scale(flips, scale_key)
    fields = jnp.linspace(options.field_start, options.field_end, options.sweeps)

    def one(key: Array) -> tuple[_Replica, Array]:
        start_key, sweeps_key = jax.random.split(key)
        start = start_slices(flips, start_key, options.slices)
        temperature = scale * options.temperature
        return _anneal(flips, start, sweeps_key, scale * fields, temperature)

    keys = jax.random.split(walks_key, options.replicas)
    (walks, best_bits, best_cost), traces = jax.vmap(one)(keys)
    best = best_bits[jnp.argmin(best_cost)].astype(jnp.int32)
    samples = walks.levels.reshape(-1, num_qubits).astype(jnp.int32)
    proposed = num_qubits * options.sweeps + 1
    return Result(
        levels=best,
        cost=problem.cost(best),
        samples=samples,
        sample_costs=problem.cost(samples),
        trace=traces.min(axis=0),
        evaluations=samples.shape[0] * proposed,
    )


def start_slices(flips: Flips, key: Array, slices: int) -> Walk:
    """Slices [P, ...] that all hold the same random string; consumes the key."""
    walk = flips.start(flips.random(key))
    return jax.tree.map(lambda x: jnp.broadcast_to(x[None], (slices, *x.shape)), walk)


def slice_coupling(field: Array, temperature: Array, slices: int) -> Array:
    """K [], the attraction of neighbouring slices in units of P T.

    Args:
      field: [] transverse field, above 0, in units of the cost.
      temperature: [] T, above 0, likewise.
      slices: P.
    """
    return -jnp.log(jnp.tanh(field / (slices * temperature))) / 2


def path_integral_sweep(
    flips: Flips, walks: Walk, field: Array, temperature: Array, key: Array
) -> Walk:
    """Proposes each bit once in each slice, and then its world line.

    Args:
      flips: of the problem.
      walks: the slices [P, ...], P even.
      field: [] G > 0, in units of the cost.
      temperature: [] T > 0, in units of the cost.
      key: consumed.

    Returns:
      The slices after n (P + 1) proposals.
    """
    slices, num_qubits = walks.levels.shape
    coupling = slice_coupling(field, temperature, slices)
    # A move is taken with probability exp(-action): where action <= drawn.
    drawn = jax.random.exponential(key, (num_qubits, slices + 1))

    def decide(place: Array, changes: Array, bits: Array) -> Array:
        actions = changes / (slices * temperature)
        return _column_moves(1.0 - 2.0 * bits, actions, coupling, drawn[place]) < 0

    return flips.sweep(walks, decide)


def check_slices(slices: int) -> None:
    """Raises UserError unless the ring of slices has an even number of them."""
    if slices < 2 or slices % 2:
        raise UserError(
            f"slices: got {slices}, expected an even number, as neighbours in "
            "imaginary time are flipped in turn"
        )


_Replica = tuple[Walk, Array, Array]  # slices, best bits [n], best cost []


def _column_moves(spins: Array, actions: Array, coupling: Array, drawn: Array) -> Array:
    """Signs [P] by which the spins of one bit are to be multiplied.

    Neighbouring slices are never flipped at once: first those of even number, then
    those of odd number, then the world line. The costs of the slices do not depend on
    each other, so `actions` stay valid up to the signs.
    """
    slices = spins.shape[0]
    even = jnp.arange(slices) % 2 == 0
    turns = jnp.ones(slices)
    for turn_now in (even, ~even):
        now = spins * turns
        neighbours = jnp.roll(now, 1) + jnp.roll(now, -1)
        action = actions + 2.0 * coupling * now * neighbours
        turns = jnp.where(turn_now & (action <= drawn[:slices]), -turns, turns)
    world_line = jnp.sum(actions * turns)
    return jnp.where(world_line <= drawn[slices], -turns, turns)


def _anneal(
    flips: Flips, start: Walk, key: Array, fields: Array, temperature: Array
) -> tuple[_Replica, Array]:
    """The slices and the best string of a replica, and its trace [sweeps]."""

    def sweep(state: _Replica, step: tuple[Array, Array]) -> tuple[_Replica, Array]:
        walks, best_bits, best_cost = state
        field, key = step
        walks = path_integral_sweep(flips, walks, field, temperature, key)
        first = jnp.argmin(walks.cost)
        better = walks.cost[first] < best_cost
        best_bits = jnp.where(better, walks.levels[first], best_bits)
        best_cost = jnp.minimum(walks.cost[first], best_cost)
        return (walks, best_bits, best_cost), best_cost

    keys = jax.random.split(key, fields.shape[0])
    return jax.lax.scan(sweep, (start, start.levels[0], start.cost[0]), (fields, keys))
