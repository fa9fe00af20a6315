"""The regression against dense formulas over explicit features."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qnas_jax.searching.history import empty_history, record
from qnas_jax.searching.models.surrogate import (
    Prior,
    covariance,
    fit,
    likeliest_prior,
    log_marginal_likelihood,
    mean_hamiltonian,
    sample_hamiltonian,
    transform_scores,
    weight_prior,
)

NUM_OPS = (3, 2, 4)
PRIOR = weight_prior(Prior(variance=1.5, pair_share=0.4, noise=0.05), 3)


def all_archs():
    return np.array(list(itertools.product(*(range(k) for k in NUM_OPS))), np.int32)


def features(archs):
    """Constant, indicators of ops and of pairs, each scaled to its prior variance."""
    unary = [
        (archs[:, layer] == op) * np.sqrt(1.5 * 0.6 / 3)
        for layer in range(3)
        for op in range(NUM_OPS[layer])
    ]
    pairs = [
        (archs[:, a] == i) * (archs[:, b] == j) * np.sqrt(1.5 * 0.4 / 3)
        for a, b in ((0, 1), (0, 2), (1, 2))
        for i in range(NUM_OPS[a])
        for j in range(NUM_OPS[b])
    ]
    return np.stack([np.ones(len(archs)), *unary, *pairs], axis=1)


def some_history():
    """Eight evaluations, one of them failed, in a buffer of twelve rows."""
    rng = np.random.default_rng(0)
    archs = all_archs()[rng.permutation(24)[:8]]
    scores = rng.normal(size=8).astype(np.float32)
    scores[3] = -np.inf
    history = record(empty_history(12, 3), jnp.asarray(archs), jnp.asarray(scores))
    return history, archs, scores


def dense_posterior():
    """Mean [24] and covariance [24, 24] of all archs by the weight-space formulas."""
    _, archs, scores = some_history()
    good = np.isfinite(scores)
    phi, targets = features(archs[good]), normal_scores(scores[good])
    precision = phi.T @ phi / 0.05 + np.eye(phi.shape[1])
    covariance_of_weights = np.linalg.inv(precision)
    mean = covariance_of_weights @ phi.T @ targets / 0.05
    wanted = features(all_archs())
    return wanted @ mean, wanted @ covariance_of_weights @ wanted.T


@jax.jit
def posterior_and_mean(history):
    """What the model makes of a history; one program for all of one capacity."""
    posterior = fit(history, PRIOR)
    return posterior, mean_hamiltonian(posterior, NUM_OPS).table()


@jax.jit
def tables_of_samples(posterior, keys):
    return jax.vmap(lambda key: sample_hamiltonian(key, posterior, NUM_OPS).table())(
        keys
    )


def normal_scores(values):
    return stats.norm.ppf((stats.rankdata(values) - 0.5) / len(values))


def test_covariance_is_that_of_the_features():
    archs = all_archs()
    phi = features(archs)
    np.testing.assert_allclose(
        covariance(jnp.asarray(archs), jnp.asarray(archs), PRIOR),
        phi @ phi.T,
        rtol=1e-5,
    )


def test_covariance_by_hand():
    """Two of three layers agree: 1 + 2 * 0.3 + 1 * 0.2."""
    a, b = jnp.array([[0, 1, 2]]), jnp.array([[0, 1, 3]])
    np.testing.assert_allclose(covariance(a, b, PRIOR), [[1.8]], rtol=1e-6)


def test_mean_is_that_of_the_weight_space():
    history, _, _ = some_history()
    _, costs = posterior_and_mean(history)
    mean, _ = dense_posterior()
    np.testing.assert_allclose(-costs, mean, atol=2e-5)


def test_samples_have_the_posterior_mean_and_covariance():
    history, _, _ = some_history()
    posterior, _ = posterior_and_mean(history)
    keys = jax.random.split(jax.random.key(1), 40_000)
    samples = -np.asarray(tables_of_samples(posterior, keys))
    mean, cov = dense_posterior()
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(samples.T), cov, atol=0.06)


def test_without_data_a_sample_is_one_of_the_prior():
    posterior, _ = posterior_and_mean(empty_history(12, 3))
    keys = jax.random.split(jax.random.key(2), 40_000)
    samples = np.asarray(tables_of_samples(posterior, keys))
    phi = features(all_archs())
    np.testing.assert_allclose(np.cov(samples.T), phi @ phi.T, atol=0.12)


def test_likelihood_is_that_of_the_gaussian():
    history, archs, scores = some_history()
    good = np.isfinite(scores)
    phi = features(archs[good])
    gram = phi @ phi.T + 0.05 * np.eye(good.sum())
    expected = stats.multivariate_normal(cov=gram).logpdf(normal_scores(scores[good]))
    ours = log_marginal_likelihood(posterior_and_mean(history)[0])
    np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_likeliest_prior_finds_what_made_the_scores():
    """Scores without pairs and noise are likelier under such a prior."""
    archs = jnp.asarray(all_archs())
    weights = jnp.array([1.0, 0.3, 0.5])
    scores = jnp.sum(weights[None] * archs, axis=1)
    history = record(empty_history(24, 3), archs, scores)
    priors = Prior(
        variance=jnp.array([2.0, 2.0, 2.0]),
        pair_share=jnp.array([0.9, 0.05, 0.9]),
        noise=jnp.array([0.01, 0.01, 1.0]),
    )
    weights = weight_prior(priors, 3)
    found = likeliest_prior(history, weights, scale="standard")
    jax.tree.map(
        lambda one, each: np.testing.assert_array_equal(one, each[1]), found, weights
    )


def test_ranks_are_normal_scores_and_ties_share():
    scores = jnp.array([0.3, -jnp.inf, 0.1, 0.3, 0.9])
    known = jnp.isfinite(scores)
    ours = transform_scores(scores, known, "ranks")
    expected = normal_scores([0.3, 0.1, 0.3, 0.9])
    np.testing.assert_allclose(ours[jnp.array([0, 2, 3, 4])], expected, atol=1e-5)
    assert ours[1] == 0


@pytest.mark.parametrize("scale", ["ranks", "standard"])
@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5, 0.5]])
def test_nothing_to_tell_apart_is_zero(scale, values):
    scores = jnp.array([*values, -jnp.inf])
    targets = transform_scores(scores, jnp.isfinite(scores), scale)
    np.testing.assert_allclose(targets, 0, atol=1e-6)


def test_standard_scores_have_mean_0_and_variance_1():
    scores = jnp.array([3.0, 5.0, -jnp.inf, 10.0])
    ours = transform_scores(scores, jnp.isfinite(scores), "standard")
    np.testing.assert_allclose(ours[2], 0)
    np.testing.assert_allclose(
        ours[jnp.array([0, 1, 3])], stats.zscore([3.0, 5.0, 10.0]), rtol=1e-5
    )
