"""Ranks that are kept up to date: by hand, and against ranking anew."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.history import empty_history, record, scored
from qnas_jax.searching.models.surrogate import transform_scores
from qnas_jax.searching.registers.ranks import no_ranks, normal_scores, rank_scores


def test_ranks_by_hand():
    """Of 3, 1, 1, 2 one counts itself and each equal one; a failure has no rank."""
    history, scores = empty_history(5, 1), jnp.array([3.0, 1.0, -jnp.inf, 1.0, 2.0])
    ranks = rank_scores(no_ranks(5), history, scores)
    known = [0, 1, 3, 4]
    np.testing.assert_array_equal(ranks.below[jnp.array(known)], [3, 0, 0, 2])
    np.testing.assert_array_equal(ranks.equal[jnp.array(known)], [1, 2, 2, 1])


@pytest.mark.parametrize("capacity", [60, 17])
def test_targets_equal_those_of_ranking_anew(capacity):
    """With ties, failures, and rows that give way in the smaller history."""
    rng = np.random.default_rng(capacity)
    history, ranks = empty_history(capacity, 1), no_ranks(capacity)
    update = jax.jit(rank_scores)
    for _ in range(12):
        scores = rng.integers(0, 9, 4).astype(np.float32)
        scores[rng.random(4) < 0.2] = -np.inf
        ranks = update(ranks, history, jnp.asarray(scores))
        history = record(history, jnp.zeros((4, 1), jnp.int32), jnp.asarray(scores))
        expected = transform_scores(history.scores, scored(history), "ranks")
        np.testing.assert_allclose(
            normal_scores(ranks, history), expected, rtol=1e-5, atol=1e-6
        )
