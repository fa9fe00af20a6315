"""VQE: the parameters of any circuit, optimised for an energy or a cost.

Peruzzo et al., "A variational eigenvalue solver on a photonic quantum processor", Nat.
Commun. 5 (2014); CVaR for costs: Barkoutsos et al., Quantum 4, 256 (2020). Ansatz
circuits: `ansatz.hardware_efficient`, `cost_ansatz` here, or any other.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.problems.problem import Problem, Quadratic
from qnas_jax.optimise.result import Result
from qnas_jax.optimise.variational.descent import (
    DescentOptions,
    Minimum,
    circuits_per_step,
    minimise,
)
from qnas_jax.optimise.variational.objectives import make_objective
from qnas_jax.options import option
from qnas_jax.quantum.circuit import Circuit, Operation, Param
from qnas_jax.quantum.conventions import bits_of
from qnas_jax.quantum.observables import PauliSum, expectation
from qnas_jax.quantum.simulate import run_circuit
from qnas_jax.quantum.states import probabilities, sample


@dataclasses.dataclass(frozen=True)
class VqeOptions(DescentOptions):
    """First parameters, what is minimised, and shots."""

    starts: int = option(1, "random first parameters, all optimised at once", low=1)
    spread: float = option(
        0.3, "standard deviation of the first parameters, radians", low=0.0
    )
    alpha: float = option(
        1.0, "share of the best costs that counts (CVaR); 1: mean", above=0.0, high=1.0
    )
    shots: int = option(1024, "measurements of the last state", low=1)


_DEFAULTS = VqeOptions()


def vqe(
    problem: Problem | PauliSum,
    key: Array,
    *,
    ansatz: Circuit,
    options: VqeOptions = _DEFAULTS,
    optimizer: optax.GradientTransformation | None = None,
) -> Result:
    """Optimises the parameters of a circuit and measures the best state.

    Args:
      problem: a cost of bits, or a Pauli sum.
      key: consumed.
      ansatz: the circuit, applied to |0...0>.
      options: see `VqeOptions`.
      optimizer: any optax optimiser instead of the named one.

    Returns:
      For a cost of bits the best sample and its cost. For a Pauli sum `cost` is the
      energy of the state, `sample_costs` are the energies <x|H|x> of the samples, and
      `bits` is the sample with the lowest one. `params` are those of the circuit, [P];
      the trace is that of the best start.

    Raises:
      UserError: numbers of qubits differ, a circuit without parameters, or CVaR of a
        Pauli sum.
    """
    _check(problem, ansatz, options)
    start_key, descent_key, shot_key = jax.random.split(key, 3)
    shape = (options.starts, ansatz.num_params)
    starts = options.spread * jax.random.normal(start_key, shape)
    costs = None if isinstance(problem, PauliSum) else problem.diagonal()
    objective = _objective(problem, costs, ansatz, options)
    keys = jax.random.split(descent_key, options.starts)
    all_found = jax.vmap(
        lambda start, key: minimise(objective, start, key, options, optimizer)
    )(starts, keys)
    best = jnp.argmin(all_found.value)
    found: Minimum = jax.tree.map(lambda each: each[best], all_found)
    state = run_circuit(ansatz, found.params)
    indices = sample(shot_key, state, options.shots)
    samples = bits_of(indices, ansatz.num_qubits)
    energies = _sample_costs(problem, costs, indices, samples)
    lowest = jnp.argmin(energies)
    steps = options.starts * options.steps
    circuits = steps * circuits_per_step(ansatz.num_params, options) + 1
    return Result(
        bits=samples[lowest],
        cost=found.value if costs is None else energies[lowest],
        samples=samples,
        sample_costs=energies,
        trace=found.trace,
        evaluations=jnp.int32(circuits * options.shots),
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
    num_qubits = problem.num_qubits
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
    if problem.num_qubits != ansatz.num_qubits:
        raise UserError(
            f"ansatz: got {ansatz.num_qubits} qubits for a problem of "
            f"{problem.num_qubits}"
        )
    if not ansatz.num_params:
        raise UserError("ansatz: got a circuit without parameters")
    if isinstance(problem, PauliSum) and options.alpha < 1:
        raise UserError(
            f"alpha: got {options.alpha} for a Pauli sum, expected 1; CVaR needs costs "
            "of bits"
        )


def _objective(
    problem: Problem | PauliSum,
    costs: Array | None,
    ansatz: Circuit,
    options: VqeOptions,
) -> Callable[[Array], Array]:
    run = functools.partial(run_circuit, ansatz)
    if isinstance(problem, PauliSum):
        return lambda params: expectation(run(params), problem)
    value = make_objective(jnp.asarray(costs), options.alpha)
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
    odd = (samples.astype(jnp.int32) @ jnp.asarray(masks.T)) % 2
    return (1.0 - 2.0 * odd) @ jnp.asarray(weights)
