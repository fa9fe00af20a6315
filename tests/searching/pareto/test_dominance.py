"""Ranks and crowding: by hand, by brute force, by pymoo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.pareto.dominance import (
    crowding_distances,
    dominance,
    front_ranks,
    on_front,
    sanitise_objectives,
)

BY_HAND = np.array([[1, 5], [3, 3], [5, 1], [2, 2], [1, 1], [3, 3]], np.float32)


def points(seed, count, objectives, levels=6):
    """Whole numbers, so that there are ties, and some failures."""
    draw = np.random.default_rng(seed)
    found = draw.integers(0, levels, (count, objectives)).astype(np.float32)
    found[draw.random(count) < 0.1, 0] = np.nan
    return np.asarray(sanitise_objectives(found))


def plain_ranks(objectives):
    """Peels front after front, in NumPy."""
    left = [i for i, row in enumerate(objectives) if np.isfinite(row).all()]
    ranks, rank = np.full(len(objectives), len(objectives)), 0
    while left:
        front = [
            i
            for i in left
            if not any(
                (objectives[j] >= objectives[i]).all()
                and (objectives[j] > objectives[i]).any()
                for j in left
            )
        ]
        ranks[front] = rank
        left = [i for i in left if i not in front]
        rank += 1
    return ranks


def test_ranks_by_hand():
    np.testing.assert_array_equal(front_ranks(BY_HAND), [0, 0, 0, 1, 2, 0])
    np.testing.assert_array_equal(on_front(BY_HAND), [1, 1, 1, 0, 0, 1])


def test_dominance_by_hand():
    first = jnp.array([[2.0, 1.0], [1.0, 1.0], [-jnp.inf, -jnp.inf]])
    expected = [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_array_equal(dominance(first, first), expected)


@pytest.mark.parametrize("objectives", [2, 3])
def test_ranks_are_those_of_peeling(objectives):
    ranks = jax.jit(jax.vmap(front_ranks))
    many = np.stack([points(seed, 30, objectives) for seed in range(20)])
    for found, row in zip(ranks(many), many, strict=True):
        np.testing.assert_array_equal(found, plain_ranks(row))
        np.testing.assert_array_equal(on_front(row), plain_ranks(row) == 0)


def test_a_chain_has_as_many_fronts_as_points():
    chain = jnp.arange(12.0)[:, None] * jnp.ones((1, 2))
    np.testing.assert_array_equal(front_ranks(chain), np.arange(12)[::-1])


@pytest.mark.parametrize("objectives", [2, 3])
def test_ranks_and_crowding_are_those_of_pymoo(objectives):
    sorting = pytest.importorskip("pymoo.util.nds.non_dominated_sorting")
    metrics = pytest.importorskip("pymoo.operators.survival.rank_and_crowding.metrics")
    draw = np.random.default_rng(objectives)
    for _ in range(5):
        values = draw.random((25, objectives)).astype(np.float32)
        ranks = np.asarray(front_ranks(values))
        fronts = sorting.NonDominatedSorting().do(-values)
        crowding = np.asarray(crowding_distances(values, ranks))
        for rank, front in enumerate(fronts):
            assert set(front) == set(np.flatnonzero(ranks == rank))
            theirs = metrics.get_crowding_function("cd").do(-values[front])
            # Theirs is the mean over the objectives, ours is Deb's sum.
            np.testing.assert_allclose(
                crowding[front], objectives * theirs, rtol=1e-4, atol=1e-6
            )


def test_crowding_by_hand():
    front = np.array([[0, 10], [1, 8], [4, 2], [10, 0]], np.float32)
    ranks = np.zeros(4, np.int32)
    expected = [np.inf, 4 / 10 + 8 / 10, 9 / 10 + 8 / 10, np.inf]
    np.testing.assert_allclose(crowding_distances(front, ranks), expected, rtol=1e-6)


def test_crowding_stays_on_the_front_and_knows_no_failures():
    values = np.array(
        [[0, 4], [2, 2], [4, 0], [0, 1], [1, 0], [-np.inf, -np.inf]], np.float32
    )
    found = np.asarray(crowding_distances(values, front_ranks(values)))
    np.testing.assert_array_equal(found, [np.inf, 2, np.inf, np.inf, np.inf, 0])


def test_a_front_of_one_value_has_no_inside():
    same = np.ones((4, 2), np.float32)
    found = crowding_distances(same, front_ranks(same))
    assert not np.isnan(found).any() and np.isfinite(found).sum() == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_with_one_bad_number_is_a_failed_one(bad):
    rows = np.array([[bad, 9.0], [1.0, 1.0], [9.0, bad]])
    found = np.asarray(sanitise_objectives(rows))
    np.testing.assert_array_equal(found[[0, 2]], np.full((2, 2), -np.inf))
    np.testing.assert_array_equal(on_front(found), [False, True, False])
