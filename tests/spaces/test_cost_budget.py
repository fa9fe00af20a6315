"""Limits on costs: the cheapest and the largest architecture against brute force."""

import itertools

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.spaces import (
    AdditiveBudget,
    ConstraintOptions,
    CostTable,
    ListedBudget,
)

NUM_OPS = (3, 2, 4, 3)
EVERY = np.array(list(itertools.product(*map(range, NUM_OPS))))


def costs(seed=0, high=1_000):
    rng = np.random.default_rng(seed)
    tables = {name: rng.integers(0, high, (4, 4)) for name in ("params", "macs")}
    real = np.arange(4) < np.array(NUM_OPS)[:, None]
    by_op = {name: np.where(real, table, 0) for name, table in tables.items()}
    return CostTable(by_op, {"params": 7, "macs": 100}, NUM_OPS)


def test_within_by_hand():
    table = CostTable({"macs": np.array([[1, 5], [2, 0]])}, {"macs": 10}, (2, 2))
    budget = AdditiveBudget(table, {"macs": 13})
    # 10 + 1 + 2, 10 + 1 + 0, 10 + 5 + 2, 10 + 5 + 0.
    archs = [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert budget.within(archs).tolist() == [True, True, False, False]
    assert budget.cheapest.tolist() == [0, 1]
    assert budget.largest("macs").tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(8))
def test_cheapest_and_largest_are_those_of_brute_force(seed):
    table = costs(seed)
    found = table.cost(EVERY)
    limits = {name: float(np.quantile(found[name], 0.4)) for name in found}
    shares = np.max([found[name] / limits[name] for name in limits], axis=0)
    assert shares.min() < 1
    budget = AdditiveBudget(table, limits)
    cheapest = table.cost(budget.cheapest[None])
    share = max(cheapest[name][0] / limits[name] for name in limits)
    assert share == pytest.approx(shares.min(), rel=1e-6)
    inside = np.all([found[name] <= limits[name] for name in limits], axis=0)
    np.testing.assert_array_equal(budget.within(EVERY), inside)
    largest = table.cost(budget.largest("params")[None])
    assert largest["params"][0] == found["params"][inside].max()
    assert budget.within(budget.largest("params")[None])[0]
    listed = ListedBudget(found, NUM_OPS, limits)
    np.testing.assert_array_equal(listed.within(EVERY), inside)
    assert listed.within(listed.cheapest[None])[0]


def test_one_limit_is_met_exactly():
    table = costs(3)
    least = table.cost(EVERY)["macs"].min()
    budget = AdditiveBudget(table, {"macs": int(least)})
    assert table.cost(budget.cheapest[None])["macs"][0] == least
    with pytest.raises(
        UserError, match=rf"max_macs: got .*, expected at least {least}"
    ):
        AdditiveBudget(table, {"macs": int(least) - 1})
    with pytest.raises(UserError, match=f"expected at least {least}"):
        ListedBudget(table.cost(EVERY), NUM_OPS, {"macs": int(least) - 1})


def test_limits_that_fit_only_one_by_one():
    by_op = {"params": np.array([[1, 9]]), "macs": np.array([[9, 1]])}
    table = CostTable(by_op, {"params": 0, "macs": 0}, (2,))
    with pytest.raises(UserError, match="no architecture keeps all of them"):
        AdditiveBudget(table, {"params": 5, "macs": 5})


def test_unknown_costs_keep_no_limit():
    columns = {"latency_ms": np.array([np.nan, 2.0, 1.0, 3.0])}
    budget = ListedBudget(columns, (2, 2), {"latency_ms": 2.0})
    assert budget.within(np.array([[0, 0], [0, 1], [1, 0], [1, 1]])).tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert budget.cheapest.tolist() == [1, 0]


def test_no_limit_is_no_limit():
    assert ConstraintOptions().limits() == {}
    options = ConstraintOptions(max_macs=5)
    assert options.limits() == {"macs": 5}
