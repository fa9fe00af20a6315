"""VQE: the parameters of any circuit, optimised for an energy or a cost.

Peruzzo et al., "A variational eigenvalue solver on a photonic quantum processor", Nat.
Commun. 5 (2014); CVaR for costs: Barkoutsos et al., Quantum 4, 256 (2020). Ansatz
circuits: `ansatz.hardware_efficient` (Kandala et al., Nature 549 (2017)), `cost_ansatz`
here, or any other.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem, levels_at, num_bits
from qnas_jax.optimise.problems.quadratic import Quadratic
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.optimise.variational.descent import (
    DescentOptions,
    Minimum,
    circuits_per_step,
    minimise,
)
from qnas_jax.optimise.variational.objectives import make_objective
from qnas_jax.options import option
from qnas_jax.quantum.ansatz import hardware_efficient
from qnas_jax.quantum.circuit import Circuit, Operation, Param
from qnas_jax.quantum.observables import PauliSum, expectation
from qnas_jax.quantum.simulate import run_circuit
from qnas_jax.quantum.states import probabilities, sample


@dataclasses.dataclass(frozen=True)
class VqeOptions(DescentOptions):
    """Circuit, first parameters, what is minimised, and shots.

    Several starts and a conditional value at risk, as the expected cost of a basis
    state is a local minimum (Barkoutsos et al.).
    """

    starts: int = option(4, "random first parameters, all optimised at once", low=1)
    alpha: float = option(
        0.25, "share of the best costs that counts (CVaR); 1: mean", above=0.0, high=1.0
    )
    depth: int = option(2, "layers of RY, RZ and a ladder of CX", low=1)
    spread: float = option(
        0.3, "standard deviation of the first parameters, radians", low=0.0
    )
    shots: int = option(
        1024, "measurements of the last state", low=1, high=LARGEST_COUNT
    )


_DEFAULTS = VqeOptions()
_PAULI_DEFAULTS = VqeOptions(starts=1, alpha=1.0)


def _bytes_each(options: VqeOptions | None, problem: Problem) -> int:
    """As the compiler reports them: a state, its adjoint and gates for each start."""
    del problem
    return 32 + 104 * (options or _DEFAULTS).starts


@optimiser(Demands("vqe", _bytes_each, bits_only=True))
def vqe(
    problem: Problem | PauliSum,
    key: Array,
    *,
    ansatz: Circuit | None = None,
    options: VqeOptions | None = None,
    optimizer: optax.GradientTransformation | None = None,
) -> Result:
    """Optimises the parameters of a circuit and measures the best state.

    Args:
      problem: a cost of bits, or a Pauli sum.
      key: consumed.
      ansatz: the circuit, applied to |0...0>; None for the hardware-efficient one.
      options: see `VqeOptions`; None for its defaults, of a Pauli sum one start and
        the mean.
      optimizer: any optax optimiser instead of the named one.

    Returns:
      For a cost of bits the best sample and its cost. For a Pauli sum `cost` is the
      energy of the state, `sample_costs` are the energies <x|H|x> of the samples, and
      `levels` is the sample with the lowest one. `params` are those of the circuit,
      [P]; the trace is that of the best start.

    Raises:
      UserError: registers of other than two levels, numbers of qubits that differ, a
        circuit without parameters, or CVaR of a Pauli sum.
    """
    if options is None:
        options = _PAULI_DEFAULTS if isinstance(problem, PauliSum) else _DEFAULTS
    if ansatz is None:
        ansatz = hardware_efficient(_num_qubits(problem), options.depth)
    _check(problem, ansatz, options)
    start_key, descent_key, shot_key = jax.random.split(key, 3)
    shape = (options.starts, ansatz.num_params)
    starts = options.spread * jax.random.normal(start_key, shape)
    costs = None if isinstance(problem, PauliSum) else problem.table()
    mean, spread = _scale(problem, costs)
    objective = _objective(problem, costs, mean, spread, ansatz, options)
    keys = jax.random.split(descent_key, options.starts)
    all_found = jax.vmap(
        lambda start, key: minimise(objective, start, key, options, optimizer)
    )(starts, keys)
    best = jnp.argmin(all_found.value)
    found: Minimum = jax.tree.map(lambda each: each[best], all_found)
    state = run_circuit(ansatz, found.params)
    indices = sample(shot_key, state, options.shots)
    samples = levels_at(indices, (2,) * ansatz.num_qubits)
    energies = _sample_costs(problem, costs, indices, samples)
    lowest = jnp.argmin(energies)
    steps = options.starts * options.steps
    circuits = steps * circuits_per_step(ansatz.num_params, options) + 1
    return Result(
        levels=samples[lowest],
        cost=found.value * spread + mean if costs is None else energies[lowest],
        samples=samples,
        sample_costs=energies,
        trace=found.trace * spread + mean,
        evaluations=circuits * options.shots,
        params=found.params,
    )


def cost_ansatz(problem: Quadratic, depth: int) -> Circuit:
    """A problem-inspired circuit: H, then RZ and RZZ where the cost has terms, then RX.

    Like multi-angle QAOA, with an angle a gate (Herrman et al., arXiv:2109.11455).

    Args:
      problem: a form with known numbers (not traced).
      depth: layers.

    Returns:
      The circuit; parameters [layer, (terms, qubits)], flattened.
    """
    num_qubits = len(problem.num_levels)
    pairs = np.argwhere(np.triu(np.asarray(problem.quadratic), k=1))
    gates: list[tuple[str, tuple[int, ...]]] = [
        *(("rz", (qubit,)) for qubit in range(num_qubits)),
        *(("rzz", (int(i), int(j))) for i, j in pairs),
        *(("rx", (qubit,)) for qubit in range(num_qubits)),
    ]
    operations = [Operation("h", (qubit,)) for qubit in range(num_qubits)]
    operations += [
        Operation(name, qubits, (Param(number),))
        for number, (name, qubits) in enumerate(gates * depth)
    ]
    return Circuit(num_qubits, tuple(operations))


def _check(problem: Problem | PauliSum, ansatz: Circuit, options: VqeOptions) -> None:
    num_qubits = _num_qubits(problem)
    if num_qubits != ansatz.num_qubits:
        raise UserError(
            f"ansatz: got {ansatz.num_qubits} qubits for a problem of {num_qubits}"
        )
    if not ansatz.num_params:
        raise UserError("ansatz: got a circuit without parameters")
    if isinstance(problem, PauliSum) and options.alpha < 1:
        raise UserError(
            f"alpha: got {options.alpha} for a Pauli sum, expected 1; CVaR needs costs "
            "of bits"
        )


def _num_qubits(problem: Problem | PauliSum) -> int:
    if isinstance(problem, PauliSum):
        return problem.num_qubits
    return num_bits(problem, "vqe")


def _scale(
    problem: Problem | PauliSum, costs: Array | None
) -> tuple[Array | float, Array | float]:
    """Mean and standard deviation of all energies: one optimiser suits any scale."""
    if costs is not None:
        spread = jnp.std(costs)
        return jnp.mean(costs), jnp.where(spread > 0, spread, 1.0)
    assert isinstance(problem, PauliSum)
    terms = _terms(problem)
    return terms.pop(_identity(problem), 0.0), math.hypot(*terms.values()) or 1.0


def _terms(problem: PauliSum) -> dict[str, float]:
    """The coefficient of each string."""
    terms: dict[str, float] = {}
    for string, weight in zip(problem.strings, problem.coefficients, strict=True):
        terms[string] = terms.get(string, 0.0) + weight
    return terms


def _identity(problem: PauliSum) -> str:
    return "I" * problem.num_qubits


def _objective(
    problem: Problem | PauliSum,
    costs: Array | None,
    mean: Array | float,
    spread: Array | float,
    ansatz: Circuit,
    options: VqeOptions,
) -> Callable[[Array], Array]:
    """The energy or cost of parameters, from the mean on, in units of the spread."""
    run = functools.partial(run_circuit, ansatz)
    if isinstance(problem, PauliSum):
        terms = {s: w / float(spread) for s, w in _terms(problem).items()}
        terms.pop(_identity(problem), None)
        unit = PauliSum(problem.num_qubits, tuple(terms), tuple(terms.values()))
        return lambda params: expectation(run(params), unit)
    value = make_objective((jnp.asarray(costs) - mean) / spread, options.alpha)
    return lambda params: value(probabilities(run(params)))


def _sample_costs(
    problem: Problem | PauliSum, costs: Array | None, indices: Array, samples: Array
) -> Array:
    """Costs of samples; for a Pauli sum those of its strings of I and Z."""
    if costs is not None:
        return costs[indices]
    assert isinstance(problem, PauliSum)
    pairs = zip(problem.strings, problem.coefficients, strict=True)
    kept = [pair for pair in pairs if not set(pair[0]) & set("XY")]
    masks = np.array([[c == "Z" for c in string] for string, _ in kept], int)
    weights = np.array([weight for _, weight in kept], np.float32)
    if not kept:
        return jnp.zeros(indices.shape)
    odd = (samples @ jnp.asarray(masks.T)) % 2
    return (1.0 - 2.0 * odd) @ jnp.asarray(weights)
