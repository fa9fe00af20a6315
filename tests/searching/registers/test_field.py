"""The field: by hand, and against the normal equations in NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.models.surrogate import transform_scores
from qnas_jax.searching.registers.field import (
    add_evaluations,
    field_mean,
    prior_root,
    root_of_evaluations,
    sample_fields,
)


def conditioned(archs, scores, num_levels, variance, noise):
    """Root and normal scores after some evaluations."""
    root = prior_root(archs.shape[1], num_levels, variance=variance)
    known = np.isfinite(scores)
    add = jax.jit(functools.partial(add_evaluations, noise=noise))
    root = add(root, jnp.asarray(archs), jnp.asarray(known))
    return root, transform_scores(jnp.asarray(scores), jnp.asarray(known), "ranks")


def flat(root):
    return np.asarray(root, np.float64).reshape(root.shape[-1], -1)


def test_one_evaluation_by_hand():
    """A layer of two ops, v = 2, r = 1: seeing op 0 leaves 2 - 4 / 3 of its variance.

    Two evaluations have the normal scores -z and z of the quantiles 1/4 and 3/4.
    """
    root, _ = conditioned(np.array([[0]]), np.array([0.3]), 2, 2.0, 1.0)
    covariance = flat(root) @ flat(root).T
    np.testing.assert_allclose(covariance, [[2 / 3, 0], [0, 2]], atol=1e-6)
    archs = np.array([[0], [1]])
    root, targets = conditioned(archs, np.array([0.3, 0.4]), 2, 2.0, 1.0)
    z = 0.6744898
    mean = field_mean(root, jnp.asarray(archs), targets, noise=1.0)
    np.testing.assert_allclose(mean, [[-2 * z / 3, 2 * z / 3]], rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_posterior_equals_the_normal_equations(seed):
    """Forty evaluations, two of which failed, of four layers of up to five ops."""
    rng = np.random.default_rng(seed)
    archs = rng.integers(0, [5, 2, 3, 4], (40, 4))
    scores = rng.normal(size=40).astype(np.float32)
    scores[[3, 17]] = -np.inf
    root, found = conditioned(archs, scores, 5, 0.3, 0.1)
    known = np.isfinite(scores)
    rows = np.eye(5)[archs[known]].reshape(known.sum(), -1)
    covariance = np.linalg.inv(rows.T @ rows / 0.1 + np.eye(20) / 0.3)
    np.testing.assert_allclose(flat(root) @ flat(root).T, covariance, atol=1e-5)
    from scipy.stats import norm, rankdata

    targets = norm.ppf((rankdata(scores[known]) - 0.5) / known.sum())
    expected = covariance @ rows.T @ targets / 0.1
    mean = field_mean(root, jnp.asarray(archs), found, noise=0.1)
    np.testing.assert_allclose(np.ravel(mean), expected, atol=1e-4)


def test_samples_have_the_posterior_moments():
    archs = np.array([[0, 1], [0, 2], [1, 1]])
    root, targets = conditioned(archs, np.array([0.1, 0.5, 0.2]), 3, 1.0, 0.5)
    mean = field_mean(root, jnp.asarray(archs), targets, noise=0.5)
    draws = np.asarray(sample_fields(jax.random.key(0), mean, root, 20_000))
    draws = draws.reshape(20_000, -1)
    np.testing.assert_allclose(draws.mean(axis=0), np.ravel(mean), atol=0.04)
    covariance = flat(root) @ flat(root).T
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.05)


def test_a_thousand_evaluations_keep_the_root_exact():
    """float32 after 1,000 updates: the precision still is the one of all rows."""
    rng = np.random.default_rng(5)
    archs = rng.integers(0, 4, (1000, 6))
    root = prior_root(6, 4, variance=0.3)
    add = jax.jit(functools.partial(add_evaluations, noise=0.1))
    root = add(root, jnp.asarray(archs), jnp.ones(1000, bool))
    rows = np.eye(4)[archs].reshape(1000, -1)
    covariance = np.linalg.inv(rows.T @ rows / 0.1 + np.eye(24) / 0.3)
    np.testing.assert_allclose(flat(root) @ flat(root).T, covariance, atol=1e-4)


def test_nothing_known_is_the_prior():
    archs = np.array([[1, 0]])
    root, targets = conditioned(archs, np.array([-np.inf]), 2, 0.3, 0.1)
    np.testing.assert_allclose(flat(root), np.sqrt(0.3) * np.eye(4), rtol=1e-6)
    mean = field_mean(root, jnp.asarray(archs), targets, noise=0.1)
    np.testing.assert_array_equal(mean, np.zeros((2, 2)))


@pytest.mark.parametrize("seed", range(3))
def test_a_root_made_anew_has_the_covariance_of_one_kept_up_to_date(seed):
    rng = np.random.default_rng(seed)
    archs = rng.integers(0, [5, 2, 3, 4], (40, 4))
    scores = rng.normal(size=40).astype(np.float32)
    scores[[3, 17]] = -np.inf
    kept, _ = conditioned(archs, scores, 5, 0.3, 0.1)
    known = jnp.isfinite(jnp.asarray(scores))
    new = root_of_evaluations(jnp.asarray(archs), known, 5, variance=0.3, noise=0.1)
    expected = flat(kept) @ flat(kept).T
    np.testing.assert_allclose(flat(new) @ flat(new).T, expected, atol=1e-5)
