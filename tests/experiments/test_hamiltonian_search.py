"""The experiment of the Hamiltonian strategy, tiny."""

import itertools

import jax
import numpy as np
import pytest

from experiments.comparisons import hamiltonian_search as experiment
from experiments.comparisons.search_setting import search_setting
from qnas_jax.evaluation.tables import TableOptions, load_table, load_test


def test_rows_and_figure(data_dir):
    options = TableOptions(data_dir=str(data_dir))
    table, read_test = load_table(options), lambda: load_test(options)
    names = ["random", "Hamiltonian (exhaustive)"]
    rows = list(experiment.run(table, read_test, names, range(2), 20))
    assert [row["strategy"] for row in rows] == [names[0]] * 2 + [names[1]] * 2
    assert [row["evaluations"] for row in rows] == [10, 20] * 2
    assert all(50 < row["mean"] < 94.38 and row["seeds"] == 2 for row in rows)
    assert experiment.draw(rows, 94.37).startswith(b"\x89PNG")


def test_a_space_without_a_table():
    num_ops, names = (4,) * 11, ["random", "Hamiltonian (annealing)"]
    rows = list(experiment.run_large(num_ops, names, range(2), 20))
    assert [row["strategy"] for row in rows] == names
    assert rows[1]["mean"] > 0


@pytest.mark.parametrize("name", experiment.LARGE_SETTINGS)
def test_every_setting_makes_a_strategy_of_the_large_space(name):
    setting = search_setting(**experiment.LARGE_SETTINGS[name])
    assert setting.make((16,) * 21, 30).num_layers == 21


def test_every_setting_has_a_look():
    assert len(experiment._COLORS) == len(experiment.SETTINGS)


@pytest.mark.parametrize("num_ops", [(3, 2, 4), (5,) * 6])
def test_scores_of_random_archs_have_unit_spread(num_ops):
    archs = np.array(list(itertools.product(*(range(k) for k in num_ops))))
    spreads = []
    for seed in range(4):
        evaluate = experiment.pairwise_landscape(num_ops, seed)
        spreads.append(float(evaluate(jax.random.key(0), archs)[1].std()))
    assert 0.6 < np.mean(spreads) < 1.2
