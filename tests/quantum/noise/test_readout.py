"""Readout errors by hand and against the full confusion matrix."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from qnas_jax.quantum.noise.readout import (
    confusion_matrices,
    correct_readout,
    misread_bits,
    misread_probabilities,
    nearest_distribution,
)

READOUT = ((0.02, 0.1), (0.05, 0.0), (0.03, 0.07))


def full_matrix(readout, num_qubits):
    return functools.reduce(np.kron, confusion_matrices(readout, num_qubits))


def random_distribution(seed, size=8):
    return np.random.default_rng(seed).dirichlet(np.ones(size))


def test_one_qubit_by_hand():
    # is 0 with 0.75: read 1 with 0.75 * 0.2 + 0.25 * 0.9
    read = misread_probabilities(jnp.array([0.75, 0.25]), ((0.2, 0.1),))
    np.testing.assert_allclose(read, [0.625, 0.375], atol=1e-7)


def test_two_qubits_by_hand():
    # |01>: the first bit flips up with 0.1, the second down with 0.3.
    read = misread_probabilities(
        jnp.array([0.0, 1.0, 0.0, 0.0]), ((0.1, 0.5), (0.2, 0.3))
    )
    np.testing.assert_allclose(read, [0.27, 0.63, 0.03, 0.07], atol=1e-7)


def test_local_products_are_the_kronecker_product():
    true = random_distribution(0)
    read = misread_probabilities(jnp.asarray(true), READOUT)
    np.testing.assert_allclose(read, full_matrix(READOUT, 3) @ true, atol=1e-7)


def test_one_pair_is_for_all_qubits():
    one, three = ((0.1, 0.2),), ((0.1, 0.2),) * 3
    assert np.array_equal(confusion_matrices(one, 3), confusion_matrices(three, 3))
    assert np.array_equal(confusion_matrices((), 2), np.stack([np.eye(2)] * 2))


@pytest.mark.parametrize("method", ["inverse", "nearest", "least_squares"])
def test_exact_probabilities_come_back(method):
    true = jnp.asarray(random_distribution(1), jnp.float32)
    read = misread_probabilities(true, READOUT)
    np.testing.assert_allclose(
        correct_readout(read, READOUT, method=method), true, atol=1e-5
    )


def test_the_inverse_may_be_negative_and_the_others_not():
    """Few shots of a basis state: the inverse leaves the simplex."""
    measured = jnp.array([0.97, 0.0, 0.01, 0.02])
    readout = ((0.02, 0.05),)
    inverse = correct_readout(measured, readout, method="inverse")
    assert inverse.min() < -0.01 and inverse.sum() == pytest.approx(1, abs=1e-6)
    for method in ("nearest", "least_squares"):
        corrected = correct_readout(measured, readout, method=method)
        assert corrected.min() >= 0 and corrected.sum() == pytest.approx(1, abs=1e-6)


def test_least_squares_is_scipys():
    noisy = np.abs(
        random_distribution(5) + 0.1 * np.random.default_rng(6).normal(size=8)
    )
    noisy /= noisy.sum()
    matrix = full_matrix(READOUT, 3)
    result = scipy.optimize.minimize(
        lambda x: ((matrix @ x - noisy) ** 2).sum(),
        np.full(8, 1 / 8),
        bounds=[(0, 1)] * 8,
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    ours = correct_readout(
        jnp.asarray(noisy, jnp.float32), READOUT, method="least_squares"
    )
    np.testing.assert_allclose(ours, result.x, atol=2e-5)


def test_nearest_distribution_by_hand():
    # -0.2 becomes 0 and what it lacks, 0.2, is taken evenly from the other two.
    nearest = nearest_distribution(jnp.array([0.8, -0.2, 0.4]))
    np.testing.assert_allclose(nearest, [0.7, 0.0, 0.3], atol=1e-6)
    # Example of Smolin et al.: the last two lack more than 0.6 / 5 can give.
    values = jnp.array([3 / 5, 1 / 2, 7 / 20, 1 / 10, -11 / 20])
    expected = [9 / 20, 7 / 20, 1 / 5, 0, 0]
    np.testing.assert_allclose(nearest_distribution(values), expected, atol=1e-6)


def test_a_distribution_is_nearest_to_itself():
    true = jnp.asarray(random_distribution(2), jnp.float32)
    np.testing.assert_allclose(nearest_distribution(true), true, atol=1e-6)


def test_correction_under_jit_and_vmap():
    batch = jnp.asarray([random_distribution(s) for s in range(4)], jnp.float32)
    read = jax.vmap(lambda p: misread_probabilities(p, READOUT))(batch)
    back = jax.jit(jax.vmap(lambda p: correct_readout(p, READOUT)))(read)
    np.testing.assert_allclose(back, batch, atol=1e-5)


def test_misread_bits_flip_as_often_as_they_should():
    bits = jnp.tile(jnp.array([[0, 1, 1]], jnp.int8), (40_000, 1))
    read = misread_bits(jax.random.key(0), bits, READOUT)
    assert read.dtype == jnp.int8
    flipped = np.asarray(read != bits).mean(axis=0)
    expected = np.array([0.02, 0.0, 0.07])
    spread = np.sqrt(expected * (1 - expected) / 40_000)
    assert (np.abs(flipped - expected) <= 4 * spread).all()


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("method", ["inverse", "nearest", "least_squares"])
def test_counts_are_corrected_as_counts(kind, method):
    """900 and 124 of 1024: the inverse of [[0.9, 0.1], [0.1, 0.9]] by hand."""
    counts = np.array([900, 124]).astype(kind)
    corrected = correct_readout(counts, ((0.1, 0.1),), method=method)
    np.testing.assert_allclose(corrected, [997, 27], rtol=1e-5)


def test_counts_are_misread_as_counts():
    read = misread_probabilities(np.array([1000, 24]), ((0.1, 0.1),))
    np.testing.assert_allclose(read, [902.4, 121.6], rtol=1e-6)


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ([-1.0, 2.0], "got -1.0 at 0, expected a finite number of at least"),
        ([np.nan, 1.0], "got nan at 0"),
        ([0, 0], "got a sum of 0.0"),
        ([1j, 1.0], "complex"),
        (0.5, r"shape \(\)"),
    ],
)
def test_what_is_no_histogram_is_refused(measured, message):
    with pytest.raises(ValueError, match=message):
        correct_readout(measured, ((0.1, 0.1),))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="got 2 pairs for 3 qubits"):
        confusion_matrices(READOUT[:2], 3)
    with pytest.raises(ValueError, match="nothing can be corrected"):
        correct_readout(jnp.ones(2) / 2, ((0.5, 0.5),))
    with pytest.raises(ValueError, match="'fft'"):
        correct_readout(jnp.ones(2) / 2, (), method="fft")
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        misread_probabilities(jnp.ones(3) / 3, ())
