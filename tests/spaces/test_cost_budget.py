"""Limits on costs: the cheapest and the largest architecture against brute force."""

import itertools
import re
from collections import ChainMap

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
    by_op = {"params": np.array([[1, 9]]), "macs": np.array([[8, 1]])}
    table = CostTable(by_op, {"params": 0, "macs": 0}, (2,))
    with pytest.raises(UserError) as error:
        AdditiveBudget(table, {"params": 5, "macs": 5})
    assert str(error.value) == (
        "max_params: got max_params=5, max_macs=5, expected max_params=9 or "
        "max_macs=8, the other kept: no architecture keeps all of them"
    )
    assert AdditiveBudget(table, {"params": 5, "macs": 8}).cheapest.tolist() == [0]
    assert AdditiveBudget(table, {"params": 9, "macs": 5}).cheapest.tolist() == [1]


def told(error):
    """The limits of each way that a line tells: by 'or', or all of them together."""
    ways = str(error.value).split("expected ")[1].split(", the other")[0].split(":")[0]
    together = ways.startswith("for example ")
    parts = re.split(", " if together else " or ", ways.removeprefix("for example "))
    limits = [part.removeprefix("max_").split("=") for part in parts]
    numbers = [{name: float(value)} for name, value in limits]
    return [dict(ChainMap(*numbers))] if together else numbers


def clashing(seed, names=("params", "macs"), high=5_000_000):
    """Costs that are small where the first is large, in numbers or milliseconds."""
    rng = np.random.default_rng(seed)
    first = rng.integers(1, high, (4, 4))
    by_op = {"params": first, "macs": high - first + rng.integers(0, high, (4, 4))}
    by_op["latency_ms"] = 1e-7 * rng.integers(1, high, (4, 4)) + 0.1
    by_op = {name: by_op[name] for name in names}
    return CostTable(by_op, {"params": 7, "macs": 100, "latency_ms": 0.05}, NUM_OPS)


@pytest.mark.parametrize("names", [("params", "macs"), ("macs", "latency_ms")])
@pytest.mark.parametrize("seed", range(6))
def test_what_would_do_is_that_of_brute_force(seed, names):
    table = clashing(seed, names)
    found = table.cost(EVERY)
    limits = {name: float(np.quantile(found[name], 0.02)) for name in names}
    makers = [
        lambda limits: AdditiveBudget(table, limits),
        lambda limits: ListedBudget(found, NUM_OPS, limits),
    ]
    assert not np.any(np.all([found[name] <= limits[name] for name in names], axis=0))
    for make in makers:
        with pytest.raises(UserError) as error:
            make(limits)
        ways = told(error)
        assert len(ways) == 2
        for way in ways:
            ((name, value),) = way.items()
            kept = [found[n] <= limits[n] for n in names if n != name][0]
            assert value == pytest.approx(found[name][kept].min(), rel=1e-5)
            assert value >= found[name][kept].min()
            # What was told can be asked for, and hardly less than that cannot.
            budget = make({**limits, **way})
            assert budget.within(budget.cheapest[None])[0]
            with pytest.raises(UserError):
                make({**limits, name: value * (1 - 2e-5) - 1e-9})


def test_three_limits_of_which_no_one_is_at_fault():
    """Each two of them clash, so that two have to be larger."""
    by_op = {
        "params": np.array([[1, 5, 5]]),
        "macs": np.array([[5, 1, 5]]),
        "latency_ms": np.array([[0.5, 0.5, 0.1]]),
    }
    table = CostTable(by_op, dict.fromkeys(by_op, 0), (3,))
    limits = {"params": 2, "macs": 2, "latency_ms": 0.2}
    for make in (
        lambda limits: AdditiveBudget(table, limits),
        lambda limits: ListedBudget(table.cost([[0], [1], [2]]), (3,), limits),
    ):
        with pytest.raises(UserError, match="for example max_params=2, max_m") as error:
            make(limits)
        (way,) = told(error)
        assert way == {"params": 2, "macs": 5, "latency_ms": 0.5}
        assert make(way).cheapest.tolist() == [0]


def test_what_is_told_is_rounded_up():
    columns = {"latency_ms": np.array([0.12345612, 2.0])}
    with pytest.raises(UserError, match=r"got 0.1, expected at least 0.123457: "):
        ListedBudget(columns, (2,), {"latency_ms": 0.1})
    budget = ListedBudget(columns, (2,), {"latency_ms": 0.123457})
    assert budget.cheapest.tolist() == [0]
    with pytest.raises(UserError, match="got 1, expected 0, .* not known of any"):
        ListedBudget({"latency_ms": np.full(2, np.nan)}, (2,), {"latency_ms": 1.0})


def test_limits_that_are_just_met():
    """Of the size at which a share of the limit is lost in the solver's tolerance."""
    table = clashing(3, high=2**30)
    found = table.cost(EVERY)
    for params in np.sort(found["params"])[::10]:
        macs = found["macs"][found["params"] <= params].min()
        budget = AdditiveBudget(table, {"params": int(params), "macs": int(macs)})
        assert budget.within(budget.cheapest[None])[0]


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
