"""VQE: molecules, costs of bits, and samples."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import Diagonal, qubo
from qnas_jax.optimise.variational.vqe import (
    VqeOptions,
    _objective,
    _scale,
    cost_ansatz,
    vqe,
)
from qnas_jax.quantum.ansatz import hardware_efficient
from qnas_jax.quantum.circuit import Circuit
from qnas_jax.quantum.observables import PauliSum, expectation, ground_energy
from qnas_jax.quantum.simulate import run_circuit

CHEMICAL_ACCURACY = 1.6e-3  # Hartree


def molecules(data_dir):
    path = data_dir / "quantum_chemistry" / "hamiltonians.json"
    return {entry["name"]: entry for entry in json.loads(path.read_text())}


def observable_of(entry):
    strings, coefficients = zip(*entry["pauli"], strict=True)
    return PauliSum(entry["qubits"], strings, coefficients)


def energy(entry):
    ansatz = hardware_efficient(entry["qubits"], 4, final_rotations=True)
    options = VqeOptions(
        steps=800, learning_rate=0.1, starts=8, spread=1.0, alpha=1.0, shots=16
    )
    observable = observable_of(entry)
    run = jax.jit(lambda key: vqe(observable, key, ansatz=ansatz, options=options))
    return float(run(jax.random.key(0)).cost)


@pytest.mark.slow
def test_hydrogen_and_lithium_hydride_to_chemical_accuracy(data_dir):
    entries = molecules(data_dir)
    small = [
        entry
        for entry in entries.values()
        if entry["molecule"] == "H2" or entry["qubits"] == 4
    ]
    assert len(small) >= 4
    hardest = {}
    for entry in small:
        assert ground_energy(observable_of(entry)) == pytest.approx(
            entry["ground_energy"], abs=1e-6
        )
        # The last one of each kind is the most stretched.
        hardest[entry["molecule"], entry["qubits"]] = entry
    # Each takes its own program; `experiments.comparisons.molecules` solves them all.
    fewest, most = min(hardest), max(hardest)
    assert fewest[0] == "H2" and most[0] == "LiH"
    for entry in (hardest[fewest], hardest[most]):
        error = energy(entry) - entry["ground_energy"]
        assert -1e-4 < error < CHEMICAL_ACCURACY, entry["name"]


def test_a_pauli_sum_by_hand():
    """Z0 Z1 + 0.5 X0: ground energy -sqrt(1.25), found by RY angles."""
    observable = PauliSum(2, ("ZZ", "XI"), (1.0, 0.5))
    assert ground_energy(observable) == pytest.approx(-np.sqrt(1.25))
    options = VqeOptions(steps=200, starts=2, alpha=1.0, shots=50)
    ansatz = hardware_efficient(2, 1, final_rotations=True)
    run = jax.jit(lambda key: vqe(observable, key, ansatz=ansatz, options=options))
    result = run(jax.random.key(0))
    assert float(result.cost) == pytest.approx(-np.sqrt(1.25), abs=1e-4)
    signs = 1 - 2 * result.samples.astype(jnp.float32)
    np.testing.assert_allclose(result.sample_costs, signs[:, 0] * signs[:, 1])


@pytest.mark.parametrize(("kind", "alpha"), [("hardware", 0.25), ("problem", 1.0)])
def test_costs_of_bits(kind, alpha):
    problem = qubo(np.random.default_rng(3).normal(size=(5, 5)))
    ansatz = hardware_efficient(5, 2) if kind == "hardware" else cost_ansatz(problem, 2)
    options = VqeOptions(steps=60, learning_rate=0.1, alpha=alpha, starts=2, shots=100)
    run = jax.jit(lambda key: vqe(problem, key, ansatz=ansatz, options=options))
    result = run(jax.random.key(0))
    assert float(result.cost) == pytest.approx(float(problem.table().min()), abs=1e-5)
    np.testing.assert_allclose(
        problem.cost(result.samples), result.sample_costs, atol=1e-5
    )
    assert result.params.shape == (ansatz.num_params,)


def test_costs_of_any_scale_are_minimised_in_one_unit():
    values = np.array([3.0, 1.0, -2.0, 5.0])
    ansatz, params = hardware_efficient(2, 1), jnp.array([0.3, -0.8, 1.1, 0.4])
    chances = np.abs(np.asarray(run_circuit(ansatz, params))) ** 2
    wanted = chances @ (values - values.mean()) / values.std()
    for scale in (1.0, 1e-9, 1e12):
        problem = Diagonal(scale * values)
        costs = problem.table()
        unit = _scale(problem, costs)
        value = _objective(problem, costs, *unit, ansatz, VqeOptions(alpha=1.0))
        assert float(value(params)) == pytest.approx(wanted, rel=1e-4)


def test_sums_of_any_scale_are_minimised_in_one_unit():
    """What is minimised is free of the unit and of the identity; both come back."""
    ansatz, params = hardware_efficient(2, 1), jnp.array([0.3, -0.8, 1.1, 0.4])
    state = run_circuit(ansatz, params)
    for scale in (1.0, 1e-9, 1e12):
        weights = tuple(scale * np.array([1.0, 0.5, 100.0, 0.5]))
        observable = PauliSum(2, ("ZZ", "XI", "II", "XI"), weights)
        mean, spread = _scale(observable, None)
        assert mean == 100 * scale
        assert spread == pytest.approx(scale * np.sqrt(2))  # 1 and 0.5 + 0.5
        value = _objective(observable, None, mean, spread, ansatz, VqeOptions())(params)
        plain = expectation(state, PauliSum(2, ("ZZ", "XI"), (1.0, 1.0)))
        assert float(value) == pytest.approx(float(plain) / np.sqrt(2), rel=1e-5)


def test_the_problem_inspired_circuit_has_a_gate_for_each_term():
    matrix = np.zeros((3, 3))
    matrix[0, 2] = 1.0
    circuit = cost_ansatz(qubo(matrix), 2)
    assert circuit.num_params == 2 * (3 + 1 + 3)
    assert ("rzz", (0, 2)) in {(op.gate, op.qubits) for op in circuit.operations}


def test_spsa_lowers_the_energy():
    observable = PauliSum(2, ("ZI", "IZ"), (1.0, 1.0))
    options = VqeOptions(
        optimizer="spsa", steps=80, learning_rate=0.3, starts=1, alpha=1.0, shots=10
    )
    result = vqe(
        observable, jax.random.key(1), ansatz=hardware_efficient(2, 1), options=options
    )
    assert float(result.cost) < -1.5 < 0 < float(result.trace[0])


@pytest.mark.parametrize(
    ("ansatz", "alpha", "message"),
    [
        (hardware_efficient(3, 1), 1.0, "got 3 qubits for a problem of 2"),
        (Circuit(2).add("h", 0), 1.0, "without parameters"),
        (hardware_efficient(2, 1), 0.5, "alpha: got 0.5 for a Pauli sum"),
    ],
)
def test_what_does_not_fit_is_named(ansatz, alpha, message):
    with pytest.raises(ValueError, match=message):
        vqe(
            PauliSum(2, ("ZZ",), (1.0,)),
            jax.random.key(0),
            ansatz=ansatz,
            options=VqeOptions(alpha=alpha),
        )
