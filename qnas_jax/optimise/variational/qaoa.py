"""QAOA: alternating layers of cost phases and a mixer, angles optimised or fixed.

    x            bits; start |+>, mixer sum_q X_q (Farhi et al., arXiv:1411.4028)
    projector    registers; |s><s| of each one's levels, for two levels the same
    xy_ring,     one-hot registers; start W states, mixers that keep one bit a register
    xy_complete  (Hadfield et al. 2019), simulated on the assignments alone
    grover       all assignments alike; mixer |s><s| (Bartschi & Eidenbenz 2020)

Costs are taken from their mean on and in units of their spread, also in what is
minimised, so the same options suit problems of any scale; the trace, and the angles of
the result, are for the costs as given. Good angles are nearly the
same for typical instances of one kind (Brandao et al., arXiv:1812.04170), so that a
ramp without any steps of optimisation may do.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.kernels import multi_angle_state, qaoa_state
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem, are_bits, levels_at
from qnas_jax.optimise.problems.quadratic import Quadratic
from qnas_jax.optimise.problems.written import Written
from qnas_jax.optimise.result import LARGEST_COUNT, Result
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
from qnas_jax.quantum.states import probabilities, sample

MIXERS = ("x", "projector", "xy_ring", "xy_complete", "grover")


@dataclasses.dataclass(frozen=True)
class QaoaOptions(DescentOptions):
    """Circuit, first angles, what is minimised, and shots."""

    layers: int = option(4, "p, layers of phases and mixers", low=1)
    mixer: str = option(
        "auto",
        "the mixer; auto: x for bits, projector for registers",
        choices=("auto", *MIXERS),
    )
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
    turn: float = option(
        0.0, "size of the ramp's first beta; 0: 2 time_step / the mixer's gap", low=0.0
    )
    alpha: float = option(
        1.0, "share of the best costs that counts (CVaR); 1: mean", above=0.0, high=1.0
    )
    shots: int = option(
        1024, "measurements of the last state", low=1, high=LARGEST_COUNT
    )


_DEFAULTS = QaoaOptions()


class Angles(NamedTuple):
    """Angles of all layers.

    Attributes:
      gammas: [p], or [p, n, n] for the terms of a quadratic form.
      betas: [p], [p, n] or [p, L].
    """

    gammas: Array
    betas: Array


class _Circuit(NamedTuple):
    """What is run and measured: N basis states, one an assignment."""

    costs: Array  # [N], from their mean on, in units of their spread
    state: Callable[[Angles], Array]  # angles for these costs -> complex [N]
    first: Angles  # of the ramp
    mean: Array  # []
    spread: Array  # []


def _per_unit(angles: Angles, unit: float) -> Angles:
    return angles._replace(gammas=angles.gammas / unit)


def _bytes_each(options: QaoaOptions, problem: Problem) -> int:
    """As the compiler reports them: state, adjoint, phases, costs, and their order."""
    own_kernels = options.mixer in ("auto", "x") and are_bits(problem)
    return (64 if own_kernels else 128) + (24 if options.alpha < 1 else 0)


@optimiser(Demands("qaoa", _bytes_each, rescaled=_per_unit))
def qaoa(
    problem: Problem,
    key: Array,
    *,
    options: QaoaOptions = _DEFAULTS,
    optimizer: optax.GradientTransformation | None = None,
) -> Result:
    """Optimises the angles and measures the best state.

    Args:
      problem: over registers whose assignments can be written out; bits for the mixer
        "x", registers of more levels for the XY mixers.
      key: consumed.
      options: see `QaoaOptions`.
      optimizer: any optax optimiser instead of the named one.

    Returns:
      The best sample, all samples, the objective before each step, and the `Angles`.

    Raises:
      UserError: the mixer or the kind of angles does not suit the problem, or there
        are too many assignments to be written out.
    """
    mixer = _mixer_of(problem, options)
    circuit = _circuit(problem, mixer, options)
    value = make_objective(circuit.costs, options.alpha)
    # Fixed angles draw nothing.
    descent_key, shot_key = jax.random.split(key) if options.steps else (key, key)

    def objective(angles: Angles) -> Array:
        return value(probabilities(circuit.state(angles)))

    if options.start == "interp":
        found = _grow(objective, circuit.first, descent_key, options, optimizer)
    else:
        found = minimise(objective, circuit.first, descent_key, options, optimizer)
    state = circuit.state(found.params)
    if are_bits(problem):
        numbers = sample(shot_key, state, options.shots)
    else:
        numbers = measure(shot_key, probabilities(state), options.shots)
    costs = circuit.costs[numbers] * circuit.spread + circuit.mean
    samples = levels_at(numbers, problem.num_levels)
    best = jnp.argmin(costs)
    num_params = sum(leaf.size for leaf in circuit.first)
    steps = len(found.trace) if options.steps else 0
    circuits = steps * circuits_per_step(num_params, options) + 1
    return Result(
        levels=samples[best],
        cost=costs[best],
        samples=samples,
        sample_costs=costs,
        trace=found.trace * circuit.spread + circuit.mean,
        evaluations=circuits * options.shots,
        params=found.params._replace(gammas=found.params.gammas / circuit.spread),
    )


def measure(key: Array, chances: Array, shots: int) -> Array:
    """Draws from any number of outcomes, by inversion of the cumulative distribution.

    Args:
      key: consumed.
      chances: [N], of any positive sum.
      shots: how many.

    Returns:
      int32 [shots] numbers of outcomes.
    """
    cumulative = jnp.cumsum(chances)
    drawn = jax.random.uniform(key, (shots,)) * cumulative[-1]
    numbers = jnp.searchsorted(cumulative, drawn, side="right")
    return jnp.minimum(numbers, len(chances) - 1).astype(jnp.int32)


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


def _mixer_of(problem: Problem, options: QaoaOptions) -> str:
    bits = are_bits(problem)
    if options.mixer == "auto":
        return "x" if bits else "projector"
    if options.mixer == "x" and not bits:
        raise UserError(
            f"mixer: got 'x' for registers of {problem.num_levels} levels, expected "
            "another mixer; or turn them into bits by as_one_hot or as_binary"
        )
    if options.mixer.startswith("xy") and bits:
        raise UserError(
            f"mixer: got {options.mixer!r} for bits, expected registers of more levels"
        )
    if options.mixer == "grover" and options.angles == "multi":
        raise UserError(
            "angles: got 'multi' with the Grover mixer, which has one angle a layer"
        )
    return options.mixer


def _circuit(problem: Problem, mixer: str, options: QaoaOptions) -> _Circuit:
    costs, levels = problem.table(), problem.num_levels
    mean, spread = jnp.mean(costs), jnp.std(costs)
    spread = jnp.where(spread > 0, spread, 1.0)
    unit = (costs - mean) / spread
    # The first state is the mixer's highest, so it is followed upwards: beta < 0.
    turn = options.turn or 2 * options.time_step / mixers.gap(mixer, levels)
    first = Angles(*linear_ramp(options.layers, -turn, options.time_step))
    if options.angles == "multi":
        betas = jnp.tile(first.betas[:, None], (1, len(levels)))
        first = first._replace(betas=betas)

    def state(angles: Angles) -> Array:
        if mixer == "x":
            return qaoa_state(unit, *angles)
        if mixer == "grover":
            return mixers.grover_state(unit, *angles)
        return mixers.levels_state(unit, *angles, levels, mixer.removeprefix("xy_"))

    circuit = _Circuit(unit, state, first, mean, spread)
    form = problem.form if isinstance(problem, Written) else problem
    if isinstance(form, Quadratic) and (mixer, options.angles) == ("x", "multi"):
        return _by_terms(form, circuit)
    return circuit


def _by_terms(problem: Quadratic, circuit: _Circuit) -> _Circuit:
    """An angle for every term of the form."""
    linear, pairs = (each / circuit.spread for each in problem.coefficients())
    gammas = jnp.tile(circuit.first.gammas[:, None, None], (1, *pairs.shape))
    return circuit._replace(
        state=lambda angles: multi_angle_state(linear, pairs, *angles),
        first=circuit.first._replace(gammas=gammas),
    )
