"""Who is in the pool, and how often it is trained."""

import jax
import numpy as np
import pytest
from path_draws import draw_paths, with_members
from scipy import stats

from qnas_jax.training import (
    PoolOptions,
    fair_arch,
    initial_sampler_state,
    merge_pool,
    pool_is_due,
    pool_members,
    pool_share,
    with_pool,
)
from qnas_jax.training.paths import fair, strict_fair

NUM_OPS = (3, 2, 5, 1, 4)
MEMBERS = [[0, 0, 0, 0, 0], [1, 1, 1, 0, 1], [2, 1, 4, 0, 3]]


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, 0), (3.9, 0), (4, 0), (6, 0.2), (9, 0.5), (12, 0.8), (40, 0.8)],
)
def test_share_rises_after_the_first_pool_search(epoch, expected):
    options = PoolOptions(pool_start=4, pool_share=0.8, pool_ramp=8.0)
    assert pool_share(options, epoch) == pytest.approx(expected)


def test_share_without_ramp_is_a_step():
    options = PoolOptions(pool_start=4, pool_share=0.8, pool_ramp=0.0)
    assert [pool_share(options, epoch) for epoch in (3, 4, 5)] == [0.0, 0.8, 0.8]


def test_the_pool_is_searched_from_its_start_on():
    options = PoolOptions(pool_start=7, pool_every=3, pool_share=0.1)
    assert [e for e in range(1, 15) if pool_is_due(options, e)] == [7, 10, 13]
    late = PoolOptions(pool_start=2, pool_every=50, pool_share=1.0)
    assert [e for e in range(1, 60) if pool_is_due(late, e)] == [2, 52]
    assert not any(pool_is_due(PoolOptions(pool_start=1), e) for e in range(1, 20))
    once = PoolOptions(pool_start=3, pool_every=0, pool_share=0.1)
    assert [e for e in range(1, 20) if pool_is_due(once, e)] == [3]


def fair_paths(num_steps):
    """The fair order [T, L] under the key that `draw_paths` uses."""
    order_key, _ = jax.random.split(jax.random.key(0))
    archs = jax.vmap(lambda step: fair_arch(order_key, NUM_OPS, step))
    return np.asarray(archs(np.arange(num_steps)))


FAIR = with_pool(fair(NUM_OPS))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.85])
def test_the_share_is_kept_and_steps_of_the_pool_leave_the_fair_order_alone(share):
    state = with_members(NUM_OPS, MEMBERS, 5)
    after, archs, counts = draw_paths(FAIR, state, 3000, share=share)
    own = np.diff([*counts, int(after.fair_steps)]).astype(bool)
    num_pool = int((~own).sum())
    if share:
        assert stats.binomtest(num_pool, 3000, share).pvalue > 1e-3
    else:
        assert num_pool == 0
    np.testing.assert_array_equal(archs[own, 0], fair_paths(3000 - num_pool))
    if share:
        places = [MEMBERS.index(arch.tolist()) for arch in archs[~own, 0]]
        assert stats.chisquare(np.bincount(places)).pvalue > 1e-3


def test_a_full_share_trains_members_only():
    state = with_members(NUM_OPS, MEMBERS[2:], 5)
    after, archs, _ = draw_paths(FAIR, state, 3000, share=1.0)
    np.testing.assert_array_equal(archs[:, 0], np.tile(MEMBERS[2:], (3000, 1)))
    assert int(after.fair_steps) == 0


def test_with_an_empty_pool_all_steps_are_the_samplers_own():
    state = initial_sampler_state(NUM_OPS, 5)
    after, archs, _ = draw_paths(FAIR, state, 3000, share=1.0)
    np.testing.assert_array_equal(archs[:, 0], fair_paths(3000))
    assert int(after.fair_steps) == 3000


@pytest.mark.parametrize("number", [2, 3, 7])
def test_members_of_one_update_are_as_distinct_as_they_can_be(number):
    """Strict fairness has five paths here: 2 members in turn, or 5 of 7."""
    rng = np.random.default_rng(0)
    members = np.unique(rng.integers(0, NUM_OPS, (40, 5)), axis=0)[:number]
    state = with_members(NUM_OPS, members, 9)
    sampler = with_pool(strict_fair(NUM_OPS))
    _, archs, _ = draw_paths(sampler, state, 400, share=1.0)
    assert archs.shape == (400, 5, 5)
    names = [[members.tolist().index(arch) for arch in step] for step in archs.tolist()]
    for step in names:
        counts = np.bincount(step, minlength=number)
        assert set(counts) <= {5 // number, -(-5 // number)}
    # Whoever comes first, or is left out, is chance.
    assert stats.chisquare(np.bincount([step[0] for step in names])).pvalue > 1e-3
    assert stats.chisquare(np.bincount(np.concatenate(names))).pvalue > 1e-3


def test_a_pool_takes_back_the_promise_of_each_op_once():
    assert strict_fair((3, 3)).once and not with_pool(strict_fair((3, 3))).once


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
