"""Who is in the pool, and how often it is trained."""

import numpy as np
import pytest

from qnas_jax.training import (
    SupernetOptions,
    initial_sampler_state,
    merge_pool,
    pool_members,
    pool_share,
)


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, 0), (3.9, 0), (4, 0), (6, 0.2), (9, 0.5), (12, 0.8), (40, 0.8)],
)
def test_share_rises_after_the_first_pool_search(epoch, expected):
    options = SupernetOptions(pool_every=4, pool_share=0.8, pool_ramp=8.0)
    assert pool_share(options, epoch) == pytest.approx(expected)


def test_share_without_ramp_is_a_step():
    options = SupernetOptions(pool_every=4, pool_share=0.8, pool_ramp=0.0)
    assert [pool_share(options, epoch) for epoch in (3, 4, 5)] == [0.0, 0.8, 0.8]


def empty(size=3, num_ops=(9, 9)):
    return initial_sampler_state(num_ops, size)


def test_merge_keeps_the_best_distinct_ones_in_order():
    archs = np.array([[1, 1], [2, 2], [3, 3], [2, 2], [4, 4], [5, 5]])
    scores = np.array([0.1, 0.9, 0.5, 0.9, 0.7, 0.2])
    state = merge_pool(empty(), archs, scores)
    assert pool_members(state).tolist() == [[2, 2], [4, 4], [3, 3]]
    np.testing.assert_array_equal(state.pool_scores, np.float32([0.9, 0.7, 0.5]))
    assert state.pool.dtype == np.int32


def test_merge_equals_a_slow_one_on_random_candidates():
    rng = np.random.default_rng(0)
    for _ in range(50):
        archs = rng.integers(0, 3, (12, 2))
        scores = rng.integers(0, 1000, 12) / 1000
        scores[rng.random(12) < 0.2] = np.nan
        best = {}
        for arch, score in zip(map(tuple, archs.tolist()), scores, strict=True):
            if not np.isnan(score):
                best[arch] = max(score, best.get(arch, -1.0))
        expected = sorted(best.values(), reverse=True)[:4]
        state = merge_pool(empty(4), archs, scores)
        members = [tuple(arch) for arch in pool_members(state).tolist()]
        assert len(set(members)) == len(members) == len(expected)
        found = np.asarray(state.pool_scores)[: len(members)]
        np.testing.assert_array_equal(found, np.float32(expected))
        np.testing.assert_array_equal(found, np.float32([best[m] for m in members]))


def test_scores_that_are_not_finite_never_enter():
    archs = np.array([[1, 1], [2, 2], [3, 3], [4, 4]])
    scores = np.array([np.nan, 0.2, -np.inf, np.inf])
    state = merge_pool(empty(), archs, scores)
    assert pool_members(state).tolist() == [[2, 2]]
    assert np.isneginf(np.asarray(state.pool_scores)[1:]).all()
    state = merge_pool(state, archs, np.full(4, np.nan))
    assert pool_members(state).shape == (0, 2)


def test_fewer_distinct_candidates_than_places_leave_places_free():
    archs = np.array([[1, 1], [2, 2], [1, 1], [2, 2]])
    state = merge_pool(empty(5), archs, np.array([0.1, 0.2, 0.1, 0.2]))
    assert pool_members(state).tolist() == [[2, 2], [1, 1]]
    assert np.isfinite(state.pool_scores).tolist() == [True, True, False, False, False]


def test_old_scores_do_not_outlive_new_ones():
    first = merge_pool(empty(2), np.array([[1, 1], [2, 2]]), np.array([0.9, 0.8]))
    candidates = np.concatenate([pool_members(first), [[3, 3]]])
    second = merge_pool(first, candidates, np.array([0.3, 0.5, 0.4]))
    assert pool_members(second).tolist() == [[2, 2], [3, 3]]
    np.testing.assert_array_equal(second.pool_scores, np.float32([0.5, 0.4]))
    assert second.fair_steps is first.fair_steps
