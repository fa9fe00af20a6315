"""The process over archs against the formulas written out in float64."""

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.models.hamming_process import (
    add_rows,
    correlations,
    posterior,
    root_of_rows,
)

NUM_OPS, RHO, NOISE = (5, 2, 4, 3), 0.7, 0.02
ROWS, BLOCK = 24, 4


@pytest.fixture(scope="module")
def archs():
    rng = np.random.default_rng(0)
    every = np.stack(np.unravel_index(np.arange(np.prod(NUM_OPS)), NUM_OPS), axis=1)
    return jnp.asarray(rng.permutation(every), jnp.int32)


def plain(archs, known):
    distances = (archs[:, None] != archs[None]).sum(axis=-1)
    kernel = RHO ** distances.astype(np.float64)
    kernel = np.where(known[:, None] & known[None], kernel, 0.0)
    return kernel + np.diag(np.where(known, NOISE, 1.0))


def grown(archs, known):
    """The root that blocks of rows come to."""
    root = jnp.eye(ROWS)
    for start in range(0, ROWS, BLOCK):
        rows = start + jnp.arange(BLOCK)
        before = jnp.asarray(known & (np.arange(ROWS) < start))
        between = correlations(archs[rows], archs[:ROWS], max(NUM_OPS), RHO)
        root = add_rows(
            root,
            jnp.where(before[None], between, 0.0),
            correlations(archs[rows], archs[rows], max(NUM_OPS), RHO),
            jnp.asarray(known)[rows],
            rows,
            noise=NOISE,
        )
    return np.asarray(root, np.float64)


def test_rows_that_are_added_and_rows_at_once_have_one_inverse(archs):
    known = np.arange(ROWS) % 5 != 3
    expected = np.linalg.inv(plain(np.asarray(archs[:ROWS]), known))
    within = correlations(archs[:ROWS], archs[:ROWS], max(NUM_OPS), RHO)
    whole = root_of_rows(within, jnp.asarray(known), noise=NOISE)
    for root in (grown(archs, known), np.asarray(whole, np.float64)):
        np.testing.assert_allclose(root.T @ root, expected, atol=2e-4)


def test_the_posterior_is_that_of_the_textbook(archs):
    known = np.arange(ROWS) % 5 != 3
    rng = np.random.default_rng(1)
    targets = np.where(known, rng.normal(size=(2, ROWS)), 0.0)
    asked = np.asarray(archs[ROWS:])
    between = RHO ** (asked[:, None] != np.asarray(archs[:ROWS])[None]).sum(-1)
    between = np.where(known[None], between, 0.0)
    inverse = np.linalg.inv(plain(np.asarray(archs[:ROWS]), known))
    means, deviations = posterior(
        jnp.asarray(grown(archs, known), jnp.float32),
        jnp.asarray(between, jnp.float32),
        jnp.asarray(targets, jnp.float32),
    )
    np.testing.assert_allclose(means, between @ inverse @ targets.T, atol=1e-3)
    variance = 1 - np.einsum("cn,nm,cm->c", between, inverse, between)
    np.testing.assert_allclose(deviations, np.sqrt(variance), atol=1e-3)


def test_correlations_fall_with_the_layers_that_differ():
    archs = jnp.array([[0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 2, 0], [4, 1, 3, 2]])
    found = correlations(archs[:1], archs, max(NUM_OPS), RHO)
    np.testing.assert_allclose(found[0], RHO ** np.array([0, 1, 3, 4]), rtol=1e-5)
