"""Processes of several similarities against the formulas written out in float64."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qnas_jax.searching.models.likeliest_process import (
    add_rows_to_all,
    empty_roots,
    log_evidences,
    predict,
    roots_of_rows,
)

NUM_OPS, RHOS, NOISE = (5, 2, 4, 3), np.float32([0.3, 0.95]), 0.05
ROWS, BLOCK, LEVELS = 40, 8, 5


@pytest.fixture(scope="module")
def archs():
    rng = np.random.default_rng(0)
    every = np.stack(np.unravel_index(np.arange(np.prod(NUM_OPS)), NUM_OPS), axis=1)
    return rng.permutation(every).astype(np.int32)


@pytest.fixture(scope="module")
def known():
    return np.arange(ROWS) % 7 != 3


@pytest.fixture(scope="module")
def roots(archs, known):
    return roots_of_rows(
        jnp.asarray(archs[:ROWS]), jnp.asarray(known), RHOS, num_levels=5, noise=NOISE
    )


def kernel(first, second, rho):
    return float(rho) ** (first[:, None] != second[None]).sum(axis=-1)


def test_rows_that_are_added_give_the_roots_of_all_rows(archs, known, roots):
    grown = empty_roots(len(RHOS), ROWS)
    for start in range(0, ROWS, BLOCK):
        rows = start + jnp.arange(BLOCK)
        grown = add_rows_to_all(
            grown,
            RHOS,
            jnp.asarray(archs[:ROWS]),
            jnp.asarray(known & (np.arange(ROWS) < start)),
            jnp.asarray(archs)[rows],
            jnp.asarray(known)[rows],
            rows,
            num_levels=LEVELS,
            noise=NOISE,
        )
    np.testing.assert_allclose(grown, roots, atol=2e-3)


def test_the_evidence_is_a_normal_density_at_its_best_variance(archs, known, roots):
    """Up to a constant that depends on the number of rows alone."""
    rng = np.random.default_rng(2)
    targets = np.where(known, 3.0 * rng.normal(size=(2, ROWS)), 0.0)
    mine, count = archs[:ROWS][known], known.sum()
    for rho, root in zip(RHOS, roots, strict=True):
        found, variances = log_evidences(root, jnp.float32(targets), jnp.asarray(known))
        covariance = kernel(mine, mine, rho) + NOISE * np.eye(count)
        each = zip(targets, found.tolist(), variances.tolist(), strict=True)
        for target, evidence, variance in each:

            def density(scale, own=target[known], covariance=covariance):
                return stats.multivariate_normal.logpdf(own, cov=scale * covariance)

            constant = -0.5 * count * (1 + np.log(2 * np.pi))
            assert density(variance) == pytest.approx(evidence + constant, abs=0.05)
            assert density(variance) > max(
                density(0.9 * variance), density(1.1 * variance)
            )


def test_each_target_is_predicted_by_its_own_process(archs, known, roots):
    """A sum over layers by that of slow decay, unrelated values by that of fast."""
    asked = archs[ROWS:]
    total = archs @ np.array([1.0, -2.0, 0.5, 0.7])
    unrelated = np.random.default_rng(3).normal(size=len(archs))
    every = np.stack([total - total.mean(), unrelated])
    targets = np.where(known, every[:, :ROWS], 0.0)
    means, deviations = predict(
        roots,
        RHOS,
        jnp.asarray(archs[:ROWS]),
        jnp.asarray(known),
        jnp.float32(targets),
        jnp.asarray(asked),
        num_levels=LEVELS,
    )
    mine = archs[:ROWS][known]
    for place, (target, rho) in enumerate(zip(targets, RHOS[::-1], strict=True)):
        own, count = target[known], known.sum()
        covariance = kernel(mine, mine, rho) + NOISE * np.eye(count)
        between = kernel(asked, mine, rho)
        solved = np.linalg.solve(covariance, np.stack([own, *between]).T)
        np.testing.assert_allclose(means[:, place], between @ solved[:, 0], atol=5e-3)
        left = 1 - np.sum(between * solved[:, 1:].T, axis=1)
        expected = np.sqrt(left * (own @ solved[:, 0]) / count)
        np.testing.assert_allclose(deviations[:, place], expected, rtol=2e-2)


def test_a_process_that_cannot_be_computed_is_never_the_likeliest():
    root = jnp.full((3, 3), jnp.nan)
    found, _ = log_evidences(root, jnp.ones((1, 3)), jnp.ones(3, bool))
    assert found.tolist() == [-np.inf]
