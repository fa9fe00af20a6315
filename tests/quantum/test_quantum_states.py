"""Measurement, collapse, density matrices and entropy: by hand and against qiskit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dense_circuits import random_state
from scipy import stats

from qnas_jax.quantum import states
from qnas_jax.quantum.ansatz import ghz
from qnas_jax.quantum.simulate import run_circuit


def _random(seed, num_qubits):
    return jnp.asarray(random_state(seed, num_qubits), jnp.complex64)


def _little_endian(state):
    num_qubits = state.size.bit_length() - 1
    return np.asarray(state, complex).reshape((2,) * num_qubits).T.reshape(-1)


def test_first_states():
    np.testing.assert_array_equal(states.zero_state(2), [1, 0, 0, 0])
    np.testing.assert_array_equal(states.basis_state(2, 2), [0, 0, 1, 0])
    np.testing.assert_allclose(states.plus_state(3), np.full(8, 8**-0.5), rtol=1e-6)
    assert states.plus_state(3).dtype == jnp.complex64


def test_samples_follow_the_probabilities():
    state = _random(0, 5)
    shots = states.sample(jax.random.key(1), state, 20_000)
    assert shots.dtype == jnp.int32
    counts = np.bincount(shots, minlength=32)
    expected = np.abs(random_state(0, 5)) ** 2
    assert stats.chisquare(counts, 20_000 * expected).pvalue > 0.01
    wrong = np.roll(expected, 1)
    assert stats.chisquare(counts, 20_000 * wrong).pvalue < 1e-6


def test_samples_of_a_large_register_are_uniform():
    shots = states.sample(jax.random.key(0), states.plus_state(16), 50_000)
    for shift in (0, 8):
        counts = np.bincount(np.asarray(shots) >> shift & 255, minlength=256)
        assert stats.chisquare(counts).pvalue > 0.01


def test_samples_never_have_probability_zero():
    state = jnp.zeros(16, jnp.complex64).at[jnp.array([0, 5, 10])].set(3**-0.5)
    shots = states.sample(jax.random.key(0), state, 2000)
    assert set(np.unique(shots)) == {0, 5, 10}
    assert (
        states.sample(jax.random.key(0), states.basis_state(1, 1), 3).tolist()
        == [1] * 3
    )


def test_marginal():
    weights = np.abs(random_state(3, 4)) ** 2
    tensor = weights.reshape(2, 2, 2, 2)
    out = states.marginal(_random(3, 4), (2, 0))
    np.testing.assert_allclose(out, tensor.sum((1, 3)).T.reshape(-1), atol=1e-6)
    np.testing.assert_allclose(states.marginal(_random(3, 4), range(4)), weights, 1e-4)


def test_collapse_of_ghz():
    keys = jax.random.split(jax.random.key(0), 200)
    state = run_circuit(ghz(3))
    outcomes, left = jax.vmap(lambda key: states.collapse(key, state, (1,)))(keys)
    assert 60 < int(outcomes.sum()) < 140
    for outcome, after in zip(outcomes[:10], left[:10], strict=True):
        np.testing.assert_allclose(
            after, states.basis_state(3, 7 * int(outcome)), atol=1e-6
        )


def test_collapse_keeps_the_amplitudes_of_the_outcome():
    state = _random(1, 4)
    outcome, left = states.collapse(jax.random.key(3), state, (3, 1))
    first, second = int(outcome) >> 1, int(outcome) & 1
    tensor = random_state(1, 4).reshape(2, 2, 2, 2)
    expected = np.zeros((2, 2, 2, 2), complex)
    expected[:, second, :, first] = tensor[:, second, :, first]
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(left, expected.reshape(-1), atol=1e-6)


def test_collapse_frequencies():
    state = _random(2, 3)
    keys = jax.random.split(jax.random.key(5), 4000)
    outcomes = jax.vmap(lambda key: states.collapse(key, state, (2, 0))[0])(keys)
    expected = np.asarray(states.marginal(state, (2, 0)), float)
    counts = np.bincount(outcomes, minlength=4)
    assert stats.chisquare(counts, 4000 * expected / expected.sum()).pvalue > 0.01


def test_fidelity():
    a, b = random_state(0, 3), random_state(1, 3)
    out = states.fidelity(_random(0, 3), _random(1, 3))
    np.testing.assert_allclose(out, np.abs(np.sum(a.conj() * b)) ** 2, atol=1e-6)


def test_density_matrix_and_entropy_by_hand():
    bell = run_circuit(ghz(2))
    np.testing.assert_allclose(
        states.reduced_density_matrix(bell, (0,)), np.eye(2) / 2, atol=1e-6
    )
    assert states.entanglement_entropy(bell, (1,)) == pytest.approx(1, abs=1e-5)
    for side in ((0,), (1, 3), (0, 1, 2)):
        entropy = states.entanglement_entropy(run_circuit(ghz(4)), side)
        assert entropy == pytest.approx(1, abs=1e-5)
    product = states.plus_state(4)
    assert states.entanglement_entropy(product, (0, 2)) == pytest.approx(0, abs=1e-4)
    two_pairs = jnp.kron(bell, bell)
    assert states.entanglement_entropy(two_pairs, (0, 2)) == pytest.approx(2, abs=1e-4)
    assert states.entanglement_entropy(two_pairs, (0, 1)) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("qubits", [(0,), (3, 1), (4, 0, 2), (1, 2, 3, 4)])
def test_density_matrix_and_entropy_against_qiskit(qubits):
    from qiskit.quantum_info import Statevector, entropy, partial_trace

    state = _random(4, 5)
    others = [q for q in range(5) if q not in qubits]
    theirs = partial_trace(Statevector(_little_endian(state)), others)
    expected = entropy(theirs, base=2)
    out = states.entanglement_entropy(state, qubits)
    np.testing.assert_allclose(out, expected, atol=2e-5)
    size = 2 ** len(qubits)
    kept = sorted(qubits)
    bits = [
        [i >> (len(qubits) - 1 - p) & 1 for p in range(len(qubits))]
        for i in range(size)
    ]
    order = [sum(row[qubits.index(q)] << p for p, q in enumerate(kept)) for row in bits]
    density = states.reduced_density_matrix(state, qubits)
    np.testing.assert_allclose(density, theirs.data[np.ix_(order, order)], atol=1e-6)


def test_errors():
    state = states.zero_state(2)
    with pytest.raises(ValueError, match="repeated"):
        states.marginal(state, (0, 0))
    with pytest.raises(ValueError, match="not all in"):
        states.reduced_density_matrix(state, (2,))
    with pytest.raises(ValueError, match="not all in"):
        states.entanglement_entropy(state, (0, 5))
