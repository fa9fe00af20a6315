"""QAOA: alternating layers of cost phases and a mixer, angles optimised.

    x            bits; start |+>, mixer sum_q X_q (Farhi et al., arXiv:1411.4028)
    xy_ring,     one-hot registers; start W states, mixers that keep one bit a register
    xy_complete  (Hadfield et al. 2019), simulated on the choices alone
    grover       all choices alike; mixer |s><s| (Bartschi & Eidenbenz 2020)

Costs are taken in units of their spread, so the same options suit problems of any
scale; the angles of the result are for the costs as given.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.kernels import multi_angle_state, qaoa_state
from qnas_jax.optimise.problems.problem import Levels, Problem, Quadratic
from qnas_jax.optimise.result import Result
from qnas_jax.optimise.variational import mixers
from qnas_jax.optimise.variational.descent import (
    DescentOptions,
    Minimum,
    circuits_per_step,
    minimise,
)
from qnas_jax.optimise.variational.objectives import make_objective
from qnas_jax.optimise.variational.schedules import interpolate, linear_ramp
from qnas_jax.options import option
from qnas_jax.quantum.conventions import bits_of
from qnas_jax.quantum.states import probabilities, sample

MIXERS = ("x", "xy_ring", "xy_complete", "grover")


@dataclasses.dataclass(frozen=True)
class QaoaOptions(DescentOptions):
    """Circuit, first angles, what is minimised, and shots."""

    layers: int = option(4, "p, layers of phases and mixers", low=1)
    mixer: str = option("x", "the mixer", choices=MIXERS)
    angles: str = option(
        "standard",
        "standard: two a layer; multi: one a qubit or register, and one a term of a "
        "quadratic form",
        choices=("standard", "multi"),
    )
    start: str = option(
        "ramp",
        "ramp: linear; interp: optimise 1, 2, ... p layers in turn",
        choices=("ramp", "interp"),
    )
    time_step: float = option(
        0.75, "of the ramp, in units of the spread and the mixer's gap", above=0.0
    )
    alpha: float = option(
        1.0, "share of the best costs that counts (CVaR); 1: mean", above=0.0, high=1.0
    )
    shots: int = option(1024, "measurements of the last state", low=1)


_DEFAULTS = QaoaOptions()


class Angles(NamedTuple):
    """Angles of all layers.

    Attributes:
      gammas: [p], or [p, n, n] for the terms of a quadratic form.
      betas: [p], [p, n] or [p, L].
    """

    gammas: Array
    betas: Array


class _Outcomes(NamedTuple):
    """What a circuit over N basis states is about."""

    costs: Array  # [N]
    state: Callable[[Angles], Array]  # angles in units of the spread -> complex [N]
    bits: Callable[[Array], Array]  # indices [S] -> int8 [S, n]
    first: Angles  # of the ramp
    spread: Array  # []


def qaoa(
    problem: Problem | Levels,
    key: Array,
    *,
    options: QaoaOptions = _DEFAULTS,
    optimizer: optax.GradientTransformation | None = None,
) -> Result:
    """Optimises the angles and measures the best state.

    Args:
      problem: bits for the mixers "x" and "grover"; registers (`Levels`) for "grover"
        and the XY mixers, whose result are one-hot bits.
      key: consumed.
      options: see `QaoaOptions`.
      optimizer: any optax optimiser instead of the named one.

    Returns:
      The best sample, all samples, the objective before each step, and the `Angles`.

    Raises:
      UserError: the mixer or the kind of angles does not suit the problem, or there
        are too many basis states to be written out.
    """
    _check(problem, options)
    outcomes = _outcomes(problem, options)
    value = make_objective(outcomes.costs, options.alpha)
    descent_key, shot_key = jax.random.split(key)

    def objective(angles: Angles) -> Array:
        return value(probabilities(outcomes.state(angles)))

    if options.start == "interp":
        found = _grow(objective, outcomes.first, descent_key, options, optimizer)
    else:
        found = minimise(objective, outcomes.first, descent_key, options, optimizer)
    state = outcomes.state(found.params)
    indices = sample(shot_key, _to_power_of_two(state), options.shots)
    costs = outcomes.costs[indices]
    samples = outcomes.bits(indices)
    best = jnp.argmin(costs)
    num_params = sum(leaf.size for leaf in outcomes.first)
    circuits = len(found.trace) * circuits_per_step(num_params, options) + 1
    return Result(
        bits=samples[best],
        cost=costs[best],
        samples=samples,
        sample_costs=costs,
        trace=found.trace,
        evaluations=jnp.int32(circuits * options.shots),
        params=found.params._replace(gammas=found.params.gammas / outcomes.spread),
    )


def _grow(
    objective: Callable[[Angles], Array],
    ramp: Angles,
    key: Array,
    options: QaoaOptions,
    optimizer: optax.GradientTransformation | None,
) -> Minimum:
    """INTERP: a layer more in each stage; layers that are not there have angle zero."""
    layer = np.arange(options.layers)

    def keep(angles: Angles, count: Array) -> Angles:
        def cut(each: Array) -> Array:
            there = (layer < count).reshape(-1, *[1] * (each.ndim - 1))
            return jnp.where(there, each, 0.0)

        return jax.tree.map(cut, angles)

    def stage(angles: Angles, count: Array) -> tuple[Angles, Minimum]:
        found = minimise(
            lambda free: objective(keep(free, count)),
            angles,
            jax.random.fold_in(key, count),
            options,
            optimizer,
        )
        best = keep(found.params, count)
        more = jax.tree.map(lambda each: interpolate(each, count), best)
        return more, found._replace(params=best)

    middle = options.layers // 2
    first = jax.tree.map(
        lambda each: jnp.zeros_like(each).at[0].set(each[middle]), ramp
    )
    counts = jnp.arange(1, options.layers + 1)
    _, stages = jax.lax.scan(stage, first, counts)
    last = jax.tree.map(lambda each: each[-1], stages)
    return last._replace(trace=stages.trace.reshape(-1))


def _check(problem: Problem | Levels, options: QaoaOptions) -> None:
    registers = isinstance(problem, Levels)
    if options.mixer == "x" and registers:
        raise UserError(
            "mixer: got 'x' for registers, expected an XY or the Grover mixer; or turn "
            "them into bits by as_one_hot or as_binary"
        )
    if options.mixer.startswith("xy") and not registers:
        raise UserError(
            f"mixer: got {options.mixer!r} for bits, expected registers (Levels)"
        )
    if options.mixer == "grover" and options.angles == "multi":
        raise UserError(
            "angles: got 'multi' with the Grover mixer, which has one angle a layer"
        )


def _outcomes(problem: Problem | Levels, options: QaoaOptions) -> _Outcomes:
    costs = problem.table() if isinstance(problem, Levels) else problem.diagonal()
    levels = problem.num_levels if isinstance(problem, Levels) else ()
    spread = jnp.std(costs)
    spread = jnp.where(spread > 0, spread, 1.0)
    unit = (costs - jnp.mean(costs)) / spread
    # |+> is the highest state of the mixer, so it is followed upwards: beta < 0.
    turn = -2 * options.time_step / mixers.gap(options.mixer, levels)
    first = Angles(*linear_ramp(options.layers, turn, options.time_step))
    if options.angles == "multi":
        width = len(levels) or costs.size.bit_length() - 1
        first = first._replace(betas=jnp.tile(first.betas[:, None], (1, width)))

    def state(angles: Angles) -> Array:
        if options.mixer == "x":
            return qaoa_state(unit, *angles)
        if options.mixer == "grover":
            return mixers.grover_state(unit, *angles)
        return mixers.levels_state(unit, *angles, levels, options.mixer[len("xy_") :])

    if isinstance(problem, Levels):
        bits = _one_hot_bits(levels)
    else:
        bits = functools.partial(bits_of, num_qubits=problem.num_qubits)
    outcomes = _Outcomes(costs, state, bits, first, spread)
    if isinstance(problem, Quadratic) and (options.mixer, options.angles) == (
        "x",
        "multi",
    ):
        return _by_terms(problem, outcomes)
    return outcomes


def _by_terms(problem: Quadratic, outcomes: _Outcomes) -> _Outcomes:
    """An angle for every term of the form."""
    linear = jnp.asarray(problem.linear) / outcomes.spread
    pairs = jnp.asarray(problem.quadratic) / outcomes.spread
    square = (1, problem.num_qubits, problem.num_qubits)
    gammas = jnp.tile(outcomes.first.gammas[:, None, None], square)
    return outcomes._replace(
        state=lambda angles: multi_angle_state(linear, pairs, *angles),
        first=outcomes.first._replace(gammas=gammas),
    )


def _one_hot_bits(num_levels: tuple[int, ...]) -> Callable[[Array], Array]:
    def bits(indices: Array) -> Array:
        choices = jnp.unravel_index(indices, num_levels)
        hot = [
            choice[:, None] == np.arange(count)[None]
            for choice, count in zip(choices, num_levels, strict=True)
        ]
        return jnp.concatenate(hot, axis=1).astype(jnp.int8)

    return bits


def _to_power_of_two(state: Array) -> Array:
    size = 1 << (state.size - 1).bit_length()
    return jnp.pad(state, (0, size - state.size))
