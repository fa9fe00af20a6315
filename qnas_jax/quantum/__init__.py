"""A state-vector simulator and the quantum optimisers that run on it.

In reading order: conventions, gates, circuit, simulate (below it fusion, blocks,
segments, affine), states, observables; drawing, qasm; noise, density, trajectories,
readout, mitigation, device; problem, constraints, instances, problem_files; result,
optimisers and one file for each of them.
"""

from qnas_jax.quantum.ansatz import ghz, hardware_efficient
from qnas_jax.quantum.circuit import Circuit, Operation, Param
from qnas_jax.quantum.gates import GATES, Gate
from qnas_jax.quantum.noise import NoiseModel
from qnas_jax.quantum.observables import (
    PauliSum,
    expectation,
    expectation_diagonal,
    ground_energy,
)
from qnas_jax.quantum.optimisers import OPTIMISERS, OptimiserSpec
from qnas_jax.quantum.problem import Diagonal, Levels, Problem, Quadratic, ising, qubo
from qnas_jax.quantum.problem_files import read_problem, write_problem
from qnas_jax.quantum.result import Result
from qnas_jax.quantum.simulate import apply_circuit, apply_diagonal, run_circuit
from qnas_jax.quantum.states import (
    basis_state,
    collapse,
    entanglement_entropy,
    fidelity,
    marginal,
    plus_state,
    probabilities,
    reduced_density_matrix,
    sample,
    zero_state,
)

__all__ = [
    "GATES",
    "OPTIMISERS",
    "Circuit",
    "Diagonal",
    "Gate",
    "Levels",
    "NoiseModel",
    "Operation",
    "OptimiserSpec",
    "Param",
    "PauliSum",
    "Problem",
    "Quadratic",
    "Result",
    "apply_circuit",
    "apply_diagonal",
    "basis_state",
    "collapse",
    "entanglement_entropy",
    "expectation",
    "expectation_diagonal",
    "fidelity",
    "ghz",
    "ground_energy",
    "hardware_efficient",
    "ising",
    "marginal",
    "plus_state",
    "probabilities",
    "qubo",
    "read_problem",
    "reduced_density_matrix",
    "run_circuit",
    "sample",
    "write_problem",
    "zero_state",
]
