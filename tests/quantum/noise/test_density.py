"""Density matrices against Qiskit Aer, by hand, and by what every channel keeps."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from noisy_circuits import aer_density, random_circuit

from qnas_jax.quantum.circuit import Circuit, Param
from qnas_jax.quantum.gates import GATES, control
from qnas_jax.quantum.noise.channels import (
    NoiseModel,
    amplitude_damping,
    bit_flip,
    depolarising,
    depolarising_model,
    phase_flip,
)
from qnas_jax.quantum.noise.density import (
    apply_noisy,
    density_expectation,
    density_probabilities,
    pure_density,
    purity,
    run_density,
)
from qnas_jax.quantum.observables import PauliSum
from qnas_jax.quantum.simulate import run_circuit

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}
MODELS = {
    "depolarising": depolarising_model(0.03, 0.08),
    "depolarising alone": NoiseModel(after_size=((2, depolarising(0.1)),)),
    "bit flip": NoiseModel(after_size=((1, bit_flip(0.1)), (2, bit_flip(0.05)))),
    "phase flip": NoiseModel(after_size=((1, phase_flip(0.1)), (2, phase_flip(0.2)))),
    "damping": NoiseModel(
        after_size=((1, amplitude_damping(0.1)), (2, amplitude_damping(0.3)))
    ),
    "by name": NoiseModel(
        after_gate=(("cx", depolarising(0.2, 2)), ("rx", phase_flip(0.3))),
        after_size=((1, amplitude_damping(0.05)),),
    ),
}


def exact_density(circuit, noise, params=()):
    """In double precision."""
    with jax.enable_x64(True):
        start = jnp.zeros((2**circuit.num_qubits,) * 2, jnp.complex128)
        start = start.at[0, 0].set(1)
        return np.asarray(apply_noisy(circuit, noise, start, jnp.asarray(params)))


@pytest.mark.parametrize(
    ("name", "num_qubits"),
    [*((name, 3) for name in MODELS), ("damping", 1), ("by name", 2), ("by name", 4)],
)
def test_random_circuits_are_those_of_aer(name, num_qubits):
    circuit, noise = random_circuit(num_qubits, num_qubits, 14), MODELS[name]
    rho = exact_density(circuit, noise)
    np.testing.assert_allclose(rho, aer_density(circuit, noise), atol=1e-6)
    assert np.trace(rho) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(rho, rho.conj().T, atol=1e-12)
    assert np.linalg.eigvalsh(rho).min() > -1e-12
    assert float(purity(rho)) < 0.99


def full_matrix(matrix, qubits, num_qubits):
    """Entry by entry: the named bits by the matrix, the others stay."""
    full = np.zeros((2**num_qubits,) * 2, complex)
    for row, column in itertools.product(range(2**num_qubits), repeat=2):
        bits = [
            [index >> (num_qubits - 1 - q) & 1 for q in range(num_qubits)]
            for index in (row, column)
        ]
        if all(bits[0][q] == bits[1][q] for q in range(num_qubits) if q not in qubits):
            local = [int("".join(str(b[q]) for q in qubits), 2) for b in bits]
            full[row, column] = matrix[local[0], local[1]]
    return full


def test_larger_gates_and_their_errors_by_full_matrices():
    """A Toffoli gate with damping of each qubit, between gates on one and two."""
    noise = NoiseModel(
        after_gate=(("ccx", amplitude_damping(0.2)),),
        after_size=((2, depolarising(0.1, 2)), (1, phase_flip(0.1))),
    )
    circuit = Circuit(4).add("ry", 0, 0.8).add("h", 3).add("ry", 2, 2.0)
    circuit = circuit.add("x", 1, controls=(3, 0)).add("cry", (2, 0), 0.9)
    rho = np.zeros((16, 16), complex)
    rho[0, 0] = 1
    for operation in circuit.operations:
        matrix = np.asarray(
            control(
                GATES[operation.gate].matrix(*operation.params), operation.num_controls
            )
        )
        gate = full_matrix(matrix, operation.qubits, 4)
        rho = gate @ rho @ gate.conj().T
        for channel, qubits in noise.channels_after(operation):
            errors = [full_matrix(k, qubits, 4) for k in channel.operators]
            rho = sum(error @ rho @ error.conj().T for error in errors)
    np.testing.assert_allclose(run_density(circuit, noise), rho, atol=1e-6)


def test_trace_and_positivity_are_kept_in_single_precision():
    rho = np.asarray(run_density(random_circuit(7, 3, 20), MODELS["by name"]))
    assert rho.dtype == np.complex64
    assert np.trace(rho) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(rho, rho.conj().T, atol=1e-6)
    assert np.linalg.eigvalsh(rho).min() > -1e-6
    assert float(purity(rho)) < 0.99


def test_without_noise_it_is_the_state():
    circuit = random_circuit(4, 4, 20)
    rho = run_density(circuit, NoiseModel())
    expected = pure_density(run_circuit(circuit))
    np.testing.assert_allclose(rho, expected, atol=1e-5)
    assert float(purity(rho)) == pytest.approx(1, abs=1e-5)


def test_damping_decays_by_one_minus_gamma_each_time():
    noise = NoiseModel(after_gate=(("rz", amplitude_damping(0.2)),))
    circuit = Circuit(1).add("x", 0)
    for steps in range(4):
        excited = density_probabilities(run_density(circuit, noise))[1]
        assert float(excited) == pytest.approx(0.8**steps, abs=1e-6)
        circuit = circuit.add("rz", 0, 0.4)


def test_a_noisy_bell_pair_by_hand():
    """(1 - p) |Bell><Bell| + p / 4: <ZZ> = <XX> = -<YY> = 1 - p, purity as it must."""
    p = 0.2
    noise = NoiseModel(after_gate=(("cx", depolarising(p, 2)),))
    rho = run_density(Circuit(2).add("h", 0).add("cx", (0, 1)), noise)
    for string, value in {"ZZ": 0.8, "XX": 0.8, "YY": -0.8, "ZI": 0.0}.items():
        measured = density_expectation(rho, PauliSum(2, (string,), (1.0,)))
        assert float(measured) == pytest.approx(value, abs=1e-6)
    expected = (1 - p) ** 2 + 2 * (1 - p) * p / 4 + p**2 / 4
    assert float(purity(rho)) == pytest.approx(expected, abs=1e-6)


def test_expectation_is_the_trace_with_the_kronecker_product():
    rng = np.random.default_rng(0)
    strings = tuple("".join(rng.choice(list("IXYZ"), 3)) for _ in range(12))
    weights = tuple(rng.normal(size=12).tolist())
    rho = run_density(random_circuit(5, 3, 20), depolarising_model(0.02, 0.05))
    matrix = sum(
        weight * functools.reduce(np.kron, [PAULIS[letter] for letter in string])
        for string, weight in zip(strings, weights, strict=True)
    )
    expected = np.trace(np.asarray(rho) @ matrix).real
    measured = density_expectation(rho, PauliSum(3, strings, weights))
    assert float(measured) == pytest.approx(expected, abs=1e-5)


def test_probabilities_of_misread_bits():
    rho = run_density(Circuit(2).add("x", 0), NoiseModel())
    read = density_probabilities(rho, ((0.1, 0.2), (0.3, 0.4)))
    np.testing.assert_allclose(read, [0.14, 0.06, 0.56, 0.24], atol=1e-6)


def test_jit_vmap_and_grad_over_parameters():
    """<Z> of rx(theta) and a depolarising channel is (1 - p) cos theta."""
    noise = NoiseModel(after_size=((1, depolarising(0.1)),))
    circuit = Circuit(1).add("rx", 0, Param(0))
    observable = PauliSum(1, ("Z",), (1.0,))

    def value(params):
        return density_expectation(run_density(circuit, noise, params), observable)

    angles = jnp.array([[0.0], [0.7], [2.0]])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(value))(angles), 0.9 * jnp.cos(angles[:, 0]), atol=1e-6
    )
    np.testing.assert_allclose(
        jax.grad(value)(jnp.array([0.7])), [-0.9 * np.sin(0.7)], atol=1e-6
    )


def test_a_circuit_without_gates_leaves_what_is_there():
    rho = run_density(Circuit(2), depolarising_model(0.1, 0.1))
    np.testing.assert_array_equal(rho, np.diag([1, 0, 0, 0]))


def test_wrong_sizes_are_refused():
    circuit = Circuit(2).add("rx", 0, Param(0))
    with pytest.raises(ValueError, match=r"got shape \(2, 2\), expected \(4, 4\)"):
        apply_noisy(circuit, NoiseModel(), jnp.eye(2, dtype=jnp.complex64))
    with pytest.raises(ValueError, match="of 16 qubits, as .* got 32 qubits, exp"):
        run_density(Circuit(16).add("x", 0), NoiseModel())
    with pytest.raises(ValueError, match=r"rho: got shape \(2, 2\), .* 2 qubits"):
        density_expectation(np.eye(2), PauliSum(2, ("ZZ",), (1.0,)))
    with pytest.raises(ValueError, match=r"params: got shape \(0,\)"):
        run_density(circuit, NoiseModel())
