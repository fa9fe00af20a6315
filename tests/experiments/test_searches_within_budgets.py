"""Strategies of one and of several objectives under budgets of a table, tiny."""

import numpy as np
import pytest

from experiments.comparisons import budgets
from qnas_jax.evaluation.tables import TableOptions, load_table, table_budget


@pytest.fixture(scope="module")
def table(data_dir):
    return load_table(TableOptions(data_dir=str(data_dir)))


@pytest.fixture(scope="module")
def budget(table):
    limits = dict(budgets.constraints(table, 0.1))
    assert list(limits) == ["macs", "macs and params", "pixel3"]
    return table_budget(table, limits["macs and params"])


def test_limits_are_quantiles(table, budget):
    macs = np.sort(1e6 * table.costs["flops_million"])
    share = np.mean(macs <= budget.limits["macs"])
    assert 0.05 < share <= 0.101


@pytest.mark.parametrize("name", ["random", "front/random", "front/nsga2"])
def test_a_row_says_whether_all_was_kept(table, budget, name):
    row = budgets.measure(table, budget, name, 3, 20)
    assert (row["searches"], row["kept"], row["evaluations"]) == (3, 3, 20)
    macs, params = table.costs["flops_million"], table.costs["params_million"]
    limits = budget.limits
    inside = (1e6 * macs <= limits["macs"]) & (1e6 * params <= limits["params"])
    assert row["allowed"] == inside.sum()
    assert row["optimum"] == table.scores()[inside].max()
    assert 0.1 < row["best"] <= row["optimum"] and 1 < row["distinct"] <= 20


def test_what_is_not_kept_is_counted(table, budget, monkeypatch):
    monkeypatch.setattr(budgets, "Constrained", lambda evaluate, repair: evaluate)
    for name in ("random", "front/random"):
        assert budgets.measure(table, budget, name, 3, 20)["kept"] == 0


def test_every_strategy_has_a_name_but_those_that_cannot_search(table):
    names = [name for name in budgets.NAMES if budgets.runs(table, name)]
    assert {"memory_registers", "hyperband", "front/weighted_product"} <= set(names)
    assert "bqnas_released" not in names and len(names) == len(budgets.NAMES) - 1
