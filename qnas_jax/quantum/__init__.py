"""A state-vector simulator: circuits are data, and pure functions run them.

>>> import jax
>>> from qnas_jax import quantum
>>> bell = quantum.Circuit(2).add("ry", (0,), quantum.Param(0)).add("cx", (0, 1))
>>> energy = quantum.PauliSum(2, ("ZZ", "XX"), (-1.0, -0.5))
>>> def energy_of(angle):
...     return quantum.expectation(quantum.run_circuit(bell, angle), energy)
>>> value, slope = jax.value_and_grad(energy_of)(jax.numpy.array([0.3]))
>>> round(float(value), 4), slope.shape
(-1.1478, (1,))

In reading order: conventions, gates, circuit, ansatz, simulate (below it planning/),
states, observables; noise/ for circuits that err; formats/ for circuits as text, as
figures and as objects of others; device for what machines can run.
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
    "Circuit",
    "Gate",
    "NoiseModel",
    "Operation",
    "Param",
    "PauliSum",
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
    "marginal",
    "plus_state",
    "probabilities",
    "reduced_density_matrix",
    "run_circuit",
    "sample",
    "zero_state",
]
