"""The experiment of the Hamiltonian strategy, tiny."""

import itertools

import jax
import numpy as np
import pytest

from experiments import hamiltonian_search as experiment
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
    rows = list(experiment.run_large((4,) * 11, range(2), 20, population=10))
    means = {row["strategy"]: row["mean"] for row in rows}
    assert len(means) == 5 and means["Hamiltonian (annealing)"] > 0


def test_every_setting_has_a_look():
    assert len(experiment._COLORS) == len(experiment.SETTINGS)


@pytest.mark.parametrize("num_ops", [(3, 2, 4), (5,) * 6])
def test_scores_of_random_archs_have_unit_spread(num_ops):
    archs = np.array(list(itertools.product(*(range(k) for k in num_ops))))
    spreads = []
    for seed in range(10):
        evaluate = experiment.pairwise_landscape(num_ops, seed)
        spreads.append(float(evaluate(jax.random.key(0), archs)[1].std()))
    assert 0.6 < np.mean(spreads) < 1.2
