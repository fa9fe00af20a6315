"""The ablations, tiny."""

import jax
import numpy as np
import pytest

from experiments.comparisons import ablations
from experiments.comparisons.search_setting import search_setting
from qnas_jax.reporting.rank_tests import rank_test
from qnas_jax.searching.loop import incumbent
from qnas_jax.searching.many import search_seeds


def test_every_setting_is_one_that_exists():
    for grid in ablations.GRIDS.values():
        assert len(grid) > 1
        for setting in grid.values():
            search_setting(**{**ablations.BASE, **setting})


def test_the_first_line_of_a_grid_is_the_base():
    for name, grid in ablations.GRIDS.items():
        first = next(iter(grid.values()))
        if name != "observation":
            setting = search_setting(**{**ablations.BASE, **first})
            assert setting == search_setting(**ablations.BASE)


def test_rows_of_a_grid(data_dir, monkeypatch):
    small = {"first": {}, "worse": {"angle": 0.001}}
    monkeypatch.setitem(ablations.GRIDS, "angle", small)
    rows = list(ablations.grid_of(["angle"], 4, str(data_dir), ["cifar10"]).run())
    places = [(row["setting"], row["problem"], row["evaluations"]) for row in rows]
    budgets = [("cifar10", n) for n in (100, 200, 1000)]
    assert places == [(name, *place) for name in small for place in budgets]
    assert all(row["p"] == 1 and row["difference"] == 0 for row in rows[:3])
    first = [row["mean"] for row in rows[:3]]
    assert rows[3]["difference"] == pytest.approx(rows[3]["mean"] - first[0])
    lines = ablations.overview(rows)
    assert [line["setting"] for line in lines] == list(small)
    assert lines[0]["cifar10"].startswith(f"{100 * first[1]:.2f} ± ")


def test_settings_together_are_the_single_ones(data_dir):
    """Angles and floors are one program, other populations and rules their own."""
    problem = next(p for p in ablations.problems(str(data_dir)) if p.name == "NK-20")
    problem = problem._replace(budgets=(10, 40))
    settings = [
        {"angle": 0.1},
        {"population": 10},
        {"angle": 0.2, "epsilon": 0.03},
        {"rule": "always"},
    ]
    found = ablations.results(problem, settings, 3)
    keys = jax.vmap(jax.random.key)(np.arange(3))
    for place, setting in enumerate(settings):
        searched = search_setting(**{**ablations.BASE, **setting})
        generations = searched.generations(40)
        strategy = searched.make(problem.num_ops, generations)
        _, scores = search_seeds(
            strategy, problem.evaluate, keys, generations, record=incumbent
        )
        first = 10 // searched.population - 1
        np.testing.assert_array_equal(found[place], scores[:, [first, -1]])


def test_threshold_observation_is_tried_where_it_can_be(data_dir):
    setting = ablations.GRIDS["observation"]["threshold (public code)"]
    fits = [
        p.name for p in ablations.problems(str(data_dir)) if ablations._fits(setting, p)
    ]
    assert fits == ["OneMax-84", "NK-20"]


def test_marks_follow_the_test():
    values = np.arange(40.0)
    superiority, p_value = rank_test(values + 30, values)
    assert superiority > 0.5 and p_value < 0.05
    row = {"problem": "NK-20", "mean": 0.5, "deviation": 0.1, "difference": 0.2}
    assert ablations._cell({**row, "p": p_value}) == "0.500 ± 0.100*"
    assert ablations._cell({**row, "p": p_value, "difference": -1}).endswith("°")
    assert ablations._cell({**row, "p": 0.2}) == "0.500 ± 0.100"
