"""Quantum annealing of a state vector in real time.

    H(s) = -A(s) sum_i X_i + B(s) C,    s = t / time from 0 to 1,

from |+...+>, the ground state for B = 0, to the ground state of the cost C if time is
long enough (adiabatic theorem). Kadowaki & Nishimori, Phys. Rev. E 58 (1998); Farhi et
al., quant-ph/0001106. Steps are symmetric products, half a phase, the mixer, half a
phase, with A and B of the middle of the step: the error of a state falls as dt^2
(Suzuki, Phys. Lett. A 146 (1990)). Halves of neighbouring steps are one phase.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.kernels import apply_phases, rotate_x
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem, levels_at
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.options import Options, option
from qnas_jax.quantum.inputs import as_real, check_numbers
from qnas_jax.quantum.states import sample
from qnas_jax.value import Value


@dataclasses.dataclass(frozen=True)
class QuantumAnnealingOptions(Options):
    """Time is in units of 1 / energy, with the cost in the units of `annealing`."""

    time: float = option(20.0, "length of the anneal", above=0.0)
    steps: int = option(100, "Trotter steps", low=1, high=LARGEST_COUNT)
    schedule: str = option(
        "linear", "how A falls and B rises", choices=("linear", "quadratic")
    )
    shots: int = option(256, "measurements at the end", low=1, high=LARGEST_COUNT)


_DEFAULTS = QuantumAnnealingOptions()


class Schedule(Value):
    """A(s) and B(s) by their values at equal distances, straight lines in between.

    Attributes:
      field: [G] A at s = 0, 1 / (G - 1), ..., 1; G >= 2.
      cost: [G] B at the same places.

    Raises:
      UserError: lengths that differ or fewer than two numbers, or some that are not
        finite.
    """

    field: Array | np.ndarray
    cost: Array | np.ndarray

    def __post_init__(self) -> None:
        field, cost = np.shape(self.field), np.shape(self.cost)
        if field != cost or not field or field[-1] < 2:
            raise UserError(
                f"schedule: got field {field} and cost {cost}, expected [G], G >= 2"
            )
        check_numbers("field", self.field)
        check_numbers("cost", self.cost)

    def at(self, s: Array) -> tuple[Array, Array]:
        """A and B, [...] each, at s [...] in [0, 1]; UserError if they are complex."""
        field, cost = as_real("field", self.field), as_real("cost", self.cost)
        places = jnp.linspace(0.0, 1.0, field.shape[0])
        return jnp.interp(s, places, field), jnp.interp(s, places, cost)


def named_schedule(name: str, points: int = 257) -> Schedule:
    """A schedule by its name.

    Args:
      name: "linear" (1 - s, s) or "quadratic" ((1 - s)^2, s^2).
      points: G, at least 2.

    Raises:
      UserError: there is none of that name.
    """
    powers = {"linear": 1, "quadratic": 2}
    if name not in powers:
        raise UserError(f"schedule: got {name!r}, expected one of {', '.join(powers)}")
    s = jnp.linspace(0.0, 1.0, points)
    return Schedule((1.0 - s) ** powers[name], s ** powers[name])


@optimiser(Demands("annealing", lambda *_: 40, bits_only=True))
def annealing(
    problem: Problem,
    key: Array,
    *,
    options: QuantumAnnealingOptions = _DEFAULTS,
    schedule: Schedule | None = None,
) -> Result:
    """Minimises a cost by a simulated anneal in real time, then measures.

    The cost is shifted to mean 0 and scaled to standard deviation sqrt(n), that of
    sum_i X_i, so that one schedule fits costs of any size.

    Args:
      problem: n bits that can be written out; finite costs.
      key: consumed.
      options: see `QuantumAnnealingOptions`.
      schedule: A and B; None for the one that the options name.

    Returns:
      The best string measured; `samples` are the shots, `trace` [steps] the expected
      cost after each step.

    Raises:
      UserError: too many bits to be written out, or registers of other levels.
    """
    num_qubits = len(problem.num_levels)
    costs = problem.table()
    spread = costs.std()
    unit = jnp.where(spread > 0, spread, 1.0) / num_qubits**0.5
    state, trace = anneal_state(
        (costs - costs.mean()) / unit,
        schedule or named_schedule(options.schedule),
        time=options.time,
        steps=options.steps,
    )
    indices = sample(key, state, options.shots)
    sample_costs = costs[indices]
    samples = levels_at(indices, problem.num_levels)
    first = jnp.argmin(sample_costs)
    return Result(
        levels=samples[first],
        cost=sample_costs[first],
        samples=samples,
        sample_costs=sample_costs,
        trace=trace * unit + costs.mean(),
        evaluations=options.shots,
    )


def anneal_state(
    diagonal: Array, schedule: Schedule, *, time: Array | float, steps: int
) -> tuple[Array, Array]:
    """The state after an anneal, in the units of the diagonal.

    Args:
      diagonal: [2^n] costs C.
      schedule: A and B.
      time: [] total time; may be traced.
      steps: symmetric Trotter steps.

    Returns:
      The state [2^n] (complex64, or complex128 for a float64 diagonal) and the expected
      costs [steps] after each step.

    Raises:
      UserError: a diagonal that is not real, or less than one step.
    """
    diagonal = as_real("diagonal", diagonal)
    if steps < 1:
        raise UserError(f"steps: got {steps}, expected at least 1")
    step = time / steps
    field, weight = schedule.at((jnp.arange(steps) + 0.5) / steps)
    # The second half of a phase and the first half of the next one; none before 0.
    phases = step * (weight + jnp.concatenate([jnp.zeros(1), weight[:-1]])) / 2

    def advance(state: Array, angles: tuple[Array, Array]) -> tuple[Array, Array]:
        phase, mixing = angles
        state = rotate_x(apply_phases(state, phase, diagonal), mixing)
        # Phases do not change the expected cost: the half that is due can wait.
        return state, _expected(state, diagonal)

    size = diagonal.shape[0]
    dtype = jnp.result_type(diagonal.dtype, jnp.complex64)
    start = jnp.full(size, size**-0.5, dtype)
    state, trace = jax.lax.scan(advance, start, (phases, -step * field))
    return apply_phases(state, step * weight[-1] / 2, diagonal), trace


def _expected(state: Array, diagonal: Array) -> Array:
    chances = state.real**2 + state.imag**2
    return jnp.sum(chances * diagonal) / chances.sum()
