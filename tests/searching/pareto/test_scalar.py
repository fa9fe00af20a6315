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


def test_losses_by_hand():
    """Twice the target is as bad as a loss larger by 2^0.07 = 1.0497; 0 stays 0."""
    points = np.array([[-2.0, -75.0], [-2.0, -150.0], [0.0, -150.0]], np.float32)
    found = weighted_product(points, [75.0])
    np.testing.assert_allclose(found, [-2.0, -2.0 * 1.04972, 0.0], rtol=1e-4)
    # The square of 3 / 2 and half of 4, which costs less than its target of 8.
    point = np.array([-10.0, -3.0, -4.0], np.float32)
    found = weighted_product(point, [2.0, 8.0], below=-1.0, above=-2.0)
    np.testing.assert_allclose(found, -10 * 2.25 * 0.5, rtol=1e-6)


def test_what_is_to_be_large_by_hand():
    """30 frames a second where 60 are wanted are as a cost of twice its target."""
    frames = np.array([[0.8, 30.0], [0.8, 120.0], [-0.8, 30.0]], np.float32)
    costs = np.array([[0.8, -2.0], [0.8, -0.5], [-0.8, -2.0]], np.float32)
    settings = {"below": -0.1, "above": -1.0}
    found = weighted_product(frames, [60.0], larger=[True], **settings)
    np.testing.assert_allclose(found, [0.4, 0.8 * 2**0.1, -1.6], rtol=1e-6)
    np.testing.assert_allclose(weighted_product(costs, [1.0], **settings), found)
    both = np.array([0.6, -8.0, 5.0], np.float32)
    found = weighted_product(both, [4.0, 10.0], above=-1.0, larger=[False, True])
    np.testing.assert_allclose(found, 0.6 / 2 / 2, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("larger", [(False, False), (True, False)])
def test_more_cost_never_helps_and_a_better_score_always_does(scale, larger):
    """Scores of either sign in any unit; a second formula, in logarithms."""
    rng = np.random.default_rng(0)
    scores = scale * np.append(rng.normal(size=60), 0.0)
    costs = np.exp(rng.normal(0.0, 2.0, (61, 2)))
    worse = costs * np.exp(rng.exponential(size=(61, 2)))
    settings = {"below": -0.05, "above": -0.5, "larger": larger}

    def product(scores, costs):
        objectives = np.where(larger, 1 / costs, -costs)
        points = np.concatenate([scores[:, None], objectives], axis=1)
        return np.asarray(weighted_product(points, [1.0, 1.0], **settings), float)

    found = product(scores, costs)
    slope = np.where(costs <= 1, 0.05, 0.5) * np.log(costs)
    expected = scores * np.exp(-np.sign(scores) * slope.sum(axis=1))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert np.all(product(scores, worse) <= found)
    assert np.all(product(scores, worse)[:-1] < found[:-1])
    assert np.all(product(scores + 0.01 * scale, costs) > found)
    # The unit of the score makes no difference.
    np.testing.assert_allclose(found / scale, product(scores / scale, costs), 1e-5)


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


@pytest.mark.parametrize("larger", [False, True])
def test_a_search_by_losses_goes_where_loss_times_cost_is_least(larger):
    """A loss of 10 - s at a cost of 1 + s: (10 - s) max(1, (1 + s) / 4)^3 at s = 3."""
    strategy = make(targets=(0.25 if larger else 4.0,), below=0.0, above=-3.0)
    strategy = strategy.aware_of((False, larger))
    state = strategy.init(jax.random.key(0))
    for number in range(12):
        archs = strategy.ask(jax.random.key(number), state)
        size = np.asarray(archs).sum(axis=1).astype(np.float32)
        cost = 1 / (1 + size) if larger else -1 - size
        state = strategy.tell(state, archs, np.stack([size - 10, cost], axis=1))
    best = int(np.argmax(state.history.scores))
    assert np.sum(state.history.archs[best]) == 3
    np.testing.assert_allclose(state.history.scores[best], -7.0, rtol=1e-5)


def test_there_is_a_target_for_each_cost():
    np.testing.assert_array_equal(make(3, targets=(2.0,)).targets, [2.0, 2.0])
    with pytest.raises(UserError, match="targets: got 3, expected one, or one for eac"):
        make(3, targets=(1.0, 2.0, 3.0))
