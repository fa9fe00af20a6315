"""The choice of settings, tiny, and what is chosen from rows by hand."""

import numpy as np
import pytest

from experiments.comparisons import tuning
from experiments.comparisons.strategies import table_options
from qnas_jax.evaluation.tables import load_table


def test_what_is_chosen_elsewhere_by_hand():
    """The held-out task has no say: on it the first would win."""
    rows = [
        {"options": {"flips": 0.5}, "gaps": {"a": 0.0, "b": 0.3, "c": 0.4}},
        {"options": {"flips": 1.0}, "gaps": {"a": 0.9, "b": 0.2, "c": 0.1}},
        {"options": {"initial": 5}, "gaps": {"a": 0.5, "b": 0.1, "c": 0.3}},
    ]
    assert tuning.choose(rows, ["b", "c"]) == {"flips": 1.0}
    assert tuning.choose(rows, ["a", "b"]) == {"flips": 0.5}
    # The defaults have one flip: two are better on a, one on b, none on c.
    ranks = [tuning.default_rank(rows, task) for task in "abc"]
    assert ranks == [3, 2, 1]


def test_the_grid_holds_the_defaults():
    own = tuning._setting({}).options
    assert [tuning._setting(one).options for one in tuning.settings()].count(own) == 1
    assert len(tuning.settings()) == 81
    assert tuning.FIRST_SEED > 1000  # No seed that is reported chooses.


def test_tuning_and_its_report(data_dir, monkeypatch):
    monkeypatch.setattr(tuning, "BUDGETS", (10, 20))
    monkeypatch.setattr(tuning, "INITIAL", ())  # a program less
    grid = {"flips": (0.5, 1.0)}
    tasks = ("cifar10", "cifar100")  # of one shape
    rows = tuning.tune(tasks, 2, str(data_dir), grid)
    assert [row["options"] for row in rows] == [
        {"flips": 0.5},
        {"flips": 1.0},
    ]
    bench = load_table(table_options("cifar10", str(data_dir)))
    again = tuning.gaps([{"flips": 1.0}], bench, 2)
    np.testing.assert_allclose(again, rows[1]["gaps"]["cifar10"], rtol=1e-6)
    found = list(tuning.report(rows, tasks, 2, str(data_dir)))
    assert [(row["task"], row["evaluations"]) for row in found] == [
        (task, budget) for task in tasks for budget in (10, 20)
    ]
    for row in found:
        assert row["low"] <= row["difference"] <= row["high"]
        difference = row["chosen %"] - row["defaults %"]
        assert row["difference"] == pytest.approx(difference, abs=1e-9)
