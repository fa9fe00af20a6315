"""The weighted product of MnasNet."""

import jax
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.searching.pareto.registry import make_front_strategy
from qnas_jax.searching.pareto.scalar import WeightedProductOptions, weighted_product


def test_by_hand():
    """Twice the target costs 2^-0.07 = 0.9526 of the accuracy."""
    points = np.array([[0.8, -75.0], [0.8, -150.0], [0.8, -37.5]], np.float32)
    expected = [0.8, 0.8 * 0.95263, 0.8 / 0.95263]
    np.testing.assert_allclose(weighted_product(points, [75.0]), expected, rtol=1e-4)
    hard = weighted_product(points, [75.0], below=0.0, above=-1.0)
    np.testing.assert_allclose(hard, [0.8, 0.4, 0.8], rtol=1e-6)


def test_two_costs_multiply():
    point = np.array([0.5, -2.0, -8.0], np.float32)
    found = weighted_product(point, [1.0, 2.0], below=0.0, above=-0.5)
    np.testing.assert_allclose(found, 0.5 * 2**-0.5 * 4**-0.5, rtol=1e-6)


@pytest.mark.parametrize("bad", [[np.nan, -1], [0.5, -np.inf], [0.5, 0], [0.5, 2]])
def test_failures_and_free_networks_never_win(bad):
    assert weighted_product(np.array(bad, np.float32), [1.0]) == -np.inf


def make(num_objectives=2, **settings):
    return make_front_strategy(
        "weighted_product",
        (4, 4, 4),
        num_objectives=num_objectives,
        population=4,
        generations=12,
        options=WeightedProductOptions(strategy="local_search", **settings),
    )


def test_the_search_goes_where_the_product_is_best():
    """Accuracy and cost are both the sum of the ops; beyond 3 costs outweigh it."""
    strategy = make(targets=(4.0,), below=0.0, above=-3.0)
    state = strategy.init(jax.random.key(0))
    best = 0.0
    for number in range(12):
        archs = strategy.ask(jax.random.key(number), state)
        size = 1.0 + np.asarray(archs).sum(axis=1)
        points = np.stack([size, -size], axis=1).astype(np.float32)
        best = max(best, float(weighted_product(points, [4.0], above=-3.0).max()))
        state = strategy.tell(state, archs, points)
    np.testing.assert_allclose(best, 4.0, rtol=1e-5)


def test_there_is_a_target_for_each_cost():
    np.testing.assert_array_equal(make(3, targets=(2.0,)).targets, [2.0, 2.0])
    with pytest.raises(UserError, match="targets: got 3, expected one, or one for eac"):
        make(3, targets=(1.0, 2.0, 3.0))
