"""Costs that are known of archs before an evaluation, and who makes use of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.observation import random_archs
from qnas_jax.searching.pareto.hypervolume import hypervolume
from qnas_jax.searching.pareto.known_costs import AdditiveCosts, ListedCosts
from qnas_jax.searching.pareto.loop import front_seeds
from qnas_jax.searching.pareto.registry import FRONT_STRATEGIES, make_front_strategy
from qnas_jax.spaces import CostTable

NUM_OPS = (3, 2, 4)
BY_OP = {
    "macs": np.array([[5, 1, 9, 0], [2, 7, 0, 0], [3, 0, 8, 4]]),
    "params": np.array([[1, 1, 2, 0], [3, 0, 0, 0], [0, 5, 1, 2]]),
}
TABLE = CostTable(BY_OP, {"macs": 100, "params": 10}, NUM_OPS)
EVERY = np.stack(np.unravel_index(np.arange(24), NUM_OPS), axis=1).astype(np.int32)


def listed(names):
    costs = TABLE.cost(EVERY)
    columns = np.stack([costs[name] for name in names])
    return ListedCosts.of(columns, NUM_OPS)


def test_costs_of_an_arch_by_hand():
    known = AdditiveCosts.of(TABLE, ("params", "macs"))
    costs = known.cost(jnp.array([[2, 0, 1]]))
    np.testing.assert_array_equal(costs, [[10 + 2 + 3 + 5, 100 + 9 + 2 + 0]])
    np.testing.assert_array_equal(known.most, [10 + 2 + 3 + 5, 100 + 9 + 7 + 8])
    np.testing.assert_array_equal(known.least, [10 + 1 + 0 + 0, 100 + 1 + 2 + 0])
    np.testing.assert_allclose(known.cheapness(costs), [[0, (124 - 111) / 21]])


@pytest.mark.parametrize("names", [("macs",), ("params", "macs")])
def test_sums_and_lists_are_the_costs_of_the_table(names):
    costs = TABLE.cost(EVERY)
    expected = np.stack([costs[name] for name in names], axis=1)
    for known in (AdditiveCosts.of(TABLE, names), listed(names)):
        np.testing.assert_array_equal(jax.jit(known.cost)(EVERY), expected)
        cheapness = np.asarray(known.cheapness(known.cost(EVERY)))
        assert cheapness.min() == 0 and cheapness.max() == 1
        np.testing.assert_array_equal(
            np.argsort(cheapness, axis=0, kind="stable"),
            np.argsort(-expected, axis=0, kind="stable"),
        )


def test_what_is_not_known_counts_as_the_most():
    known = ListedCosts.of(np.array([[3.0, np.nan, 1.0, 2.0]]), (2, 2))
    found = known.cheapness(known.cost(jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])))
    np.testing.assert_array_equal(found, [[0], [0], [1], [0.5]])


def test_equal_costs_are_no_obstacle():
    known = ListedCosts.of(np.full((1, 4), 7.0), (2, 2))
    np.testing.assert_array_equal(known.cheapness(jnp.full((2, 1), 7.0)), [[0], [0]])


def strategy(name, num_ops, **options):
    return make_front_strategy(
        name,
        num_ops,
        num_objectives=2,
        population=5,
        generations=12,
        options=FRONT_STRATEGIES[name].options(**options),
    )


def test_most_strategies_learn_costs_as_they_learn_the_score():
    for name in FRONT_STRATEGIES:
        made = strategy(name, NUM_OPS)
        told = made.knowing(listed(("macs",)))
        assert (told is made) == (name != "pareto_memory")


SPACE = (4,) * 5
LAYERS = np.arange(5)
WORTH, NOISE = np.random.default_rng(0).normal(size=(2, 5, 4))
COSTS = np.random.default_rng(1).permutation(4**5).astype(np.float32)


def evaluate(key, archs):
    """A score that layers add up to, and a cost that nothing can learn."""
    del key
    place = sum(archs[:, layer] * 4 ** (4 - layer) for layer in range(5))
    score = jnp.asarray(WORTH)[LAYERS, archs].sum(axis=1)
    return archs, jnp.stack([score, -jnp.asarray(COSTS)[place]], axis=1)


def test_known_costs_find_more_of_a_front_whose_costs_cannot_be_learnt():
    """The hypervolume of 60 of 1,024 archs, in ranks, against that of the front."""
    every = jnp.asarray(np.stack(np.unravel_index(np.arange(4**5), SPACE), axis=1))
    score, cost = np.asarray(evaluate(None, every)[1]).T
    made = strategy("pareto_memory", SPACE, initial=15, pool=200)
    told = made.knowing(ListedCosts.of(COSTS[None], SPACE))
    keys = jax.random.split(jax.random.key(0), 6)

    def volumes(points):
        columns = [
            np.searchsorted(np.sort(all_values), values) / 4**5
            for all_values, values in zip((score, cost), points.T, strict=True)
        ]
        return float(hypervolume(jnp.stack(columns, axis=1), jnp.zeros(2)))

    def share(strategy):
        points = front_seeds(strategy, evaluate, keys, 12).objectives.reshape(6, 60, 2)
        exact = volumes(np.stack([score, cost], axis=1))
        return np.mean([volumes(one) for one in points]) / exact

    assert 1 - share(told) < 0.5 * (1 - share(made))


def test_what_is_known_is_predicted_exactly_and_the_score_is_not():
    told = strategy("pareto_memory", SPACE, initial=5).knowing(
        ListedCosts.of(COSTS[None], SPACE)
    )
    keys = jax.random.split(jax.random.key(1), 5)
    archs = random_archs(keys, SPACE)
    state = told.tell(told.init(keys[0]), *evaluate(None, archs))
    means, deviations = told._predict(state, archs)
    cheapest = int(np.argmin(COSTS[np.ravel_multi_index(archs.T, SPACE)]))
    assert int(np.argmax(means[:, 1])) == cheapest
    assert np.all(deviations[:, 1] < 1e-3) and np.all(deviations[:, 0] > 0.05)
