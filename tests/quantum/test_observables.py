"""Expectations of Pauli sums and diagonals against dense matrices and qiskit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dense_circuits import PAULIS, kron, random_state

from qnas_jax.quantum.observables import (
    PauliSum,
    expectation,
    expectation_diagonal,
    ground_energy,
)


def _random_sum(seed, num_qubits, terms=12):
    rng = np.random.default_rng(seed)
    strings = ["".join(rng.choice(list("IXYZ"), num_qubits)) for _ in range(terms)]
    strings += ["Z" * num_qubits, "I" * num_qubits, "Y" * num_qubits]
    return PauliSum(num_qubits, tuple(strings), tuple(rng.normal(size=terms + 3)))


def _dense(observable):
    pairs = zip(observable.strings, observable.coefficients, strict=True)
    return sum(c * kron(*(PAULIS[letter] for letter in s)) for s, c in pairs)


@pytest.mark.parametrize("num_qubits", [1, 2, 5, 8])
def test_expectation_and_gradient(num_qubits):
    observable = _random_sum(num_qubits, num_qubits)
    vector, matrix = random_state(0, num_qubits), _dense(observable)
    state = jnp.asarray(vector, jnp.complex64)
    value, gradient = jax.value_and_grad(expectation)(state, observable)
    expected = (vector.conj() @ matrix @ vector).real
    np.testing.assert_allclose(value, expected, atol=3e-6)
    np.testing.assert_allclose(gradient, 2 * (matrix @ vector).conj(), atol=1e-5)
    with jax.enable_x64(True):
        double = expectation(jnp.asarray(vector), observable)
        np.testing.assert_allclose(double, expected, atol=1e-12)


def test_expectation_against_qiskit():
    from qiskit.quantum_info import SparsePauliOp, Statevector

    observable = _random_sum(7, 4)
    vector = random_state(3, 4)
    theirs = SparsePauliOp(list(observable.strings), observable.coefficients)
    expected = Statevector(vector).expectation_value(theirs).real
    out = expectation(jnp.asarray(vector, jnp.complex64), observable)
    np.testing.assert_allclose(out, expected, atol=2e-6)


def test_values_by_hand():
    plus_zero = jnp.asarray([1, 0, 1, 0], jnp.complex64) / jnp.sqrt(2)
    for string, value in {"XI": 1, "ZI": 0, "IZ": 1, "XZ": 1, "YI": 0}.items():
        out = expectation(plus_zero, PauliSum(2, (string,), (2.0,)))
        assert out == pytest.approx(2 * value, abs=1e-6)
    circular = jnp.asarray([1, 1j], jnp.complex64) / jnp.sqrt(2)
    assert expectation(circular, PauliSum(1, ("Y",), (1.0,))) == pytest.approx(1)


def test_vmap():
    observable = _random_sum(1, 3)
    states = jnp.asarray([random_state(i, 3) for i in range(4)], jnp.complex64)
    batched = jax.jit(jax.vmap(lambda s: expectation(s, observable)))(states)
    one_by_one = [expectation(s, observable) for s in states]
    np.testing.assert_allclose(batched, one_by_one, atol=1e-6)


def test_diagonal():
    diagonal = np.random.default_rng(0).normal(size=16)
    vector = random_state(0, 4)
    out = expectation_diagonal(jnp.asarray(3 * vector, jnp.complex64), diagonal)
    np.testing.assert_allclose(out, np.sum(np.abs(vector) ** 2 * diagonal), atol=1e-6)


@pytest.mark.parametrize("num_qubits", [1, 4, 8])
def test_ground_energy(num_qubits):
    observable = _random_sum(num_qubits, num_qubits)
    expected = np.linalg.eigvalsh(_dense(observable))[0]
    assert ground_energy(observable) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("num_qubits", [2, 7])
@pytest.mark.parametrize(
    ("terms", "energy"),
    [
        ({}, 0.0),
        ({"Z": 0.0}, 0.0),
        ({"I": 2.5}, 2.5),
        ({"I": 2.5, "Z": -3.0}, -0.5),
        ({"X": 1e-200}, -1e-200),
        ({"I": 1e8, "X": 0.25}, 1e8 - 0.25),
    ],
)
def test_ground_energies_that_leave_lanczos_nothing(num_qubits, terms, energy):
    strings = tuple(letter * num_qubits for letter in terms)
    found = ground_energy(PauliSum(num_qubits, strings, tuple(terms.values())))
    assert found == pytest.approx(energy, rel=1e-15)


def test_terms_that_cancel_are_no_operator():
    assert ground_energy(PauliSum(7, ("XXXXXXX",) * 2, (1.0, -1.0))) == 0.0


def test_whole_numbers_and_arrays_of_numpy():
    z = PauliSum(1, ("Z",), (0.5,))
    one = np.array([0, 1])
    assert expectation(one, z) == expectation(one.astype(complex), z) == -0.5
    assert expectation_diagonal(np.array([1, 0]), np.array([0.5, 0.25])) == 0.5
    assert expectation_diagonal(one, np.array([3, 7])) == 7


@pytest.mark.parametrize("coefficient", [0.2 + 0.7j, np.nan, np.inf, 1j])
def test_coefficients_are_real_and_finite(coefficient):
    with pytest.raises(ValueError, match="coefficient of 'Z': got .* real number"):
        PauliSum(1, ("Z",), (coefficient,))
    assert PauliSum(1, ("Z",), (2 + 0j,)).coefficients == (2.0,)


def test_ground_energy_by_hand():
    two_spins = PauliSum(2, ("XX", "YY", "ZZ"), (1.0, 1.0, 1.0))
    assert ground_energy(two_spins) == pytest.approx(-3)


def test_errors():
    with pytest.raises(ValueError, match="letters of IXYZ"):
        PauliSum(2, ("XA",), (1.0,))
    with pytest.raises(ValueError, match="letters of IXYZ"):
        PauliSum(2, ("X",), (1.0,))
    with pytest.raises(ValueError, match="one each"):
        PauliSum(1, ("X",), ())
    with pytest.raises(ValueError, match="the observable has 1 qubits"):
        expectation(jnp.zeros(4, jnp.complex64), PauliSum(1, ("X",), (1.0,)))
    with pytest.raises(ValueError, match=r"got state \(4,\) and diagonal \(2,\)"):
        expectation_diagonal(jnp.zeros(4, jnp.complex64), jnp.zeros(2))
    with pytest.raises(ValueError, match="diagonal: got complex numbers"):
        expectation_diagonal(jnp.zeros(2, jnp.complex64), np.array([1j, 0]))
    with pytest.raises(ValueError, match="at most 20"):
        ground_energy(PauliSum(21, ("Z" * 21,), (1.0,)))
