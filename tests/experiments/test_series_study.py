"""What is said of found networks for series follows from the rows."""

import numpy as np
import pytest

from experiments.comparisons.series import classifiers, published, results, study
from qnas_jax.jobs import default_config
from qnas_jax.reporting.rank_tests import signed_rank_test
from qnas_jax.reporting.statistics import holm

# Accuracies of two seeds each; a set of which a method is missing does not count.
ACCURACIES = {
    "A": {"winner": (0.9, 0.8), "random_1": (0.8, 0.6), "random_2": (0.7, 0.7)},
    "B": {"winner": (1.0, 1.0), "random_1": (0.9, 0.9), "random_2": (0.9, 0.9)},
    "C": {"winner": (0.5, 0.7), "random_1": (0.6, 0.6), "random_2": (0.6, 0.6)},
    "D": {"winner": (0.1, 0.1), "random_1": (1.0, 1.0)},
}
NEIGHBOUR = {"A": 0.86, "B": 0.5, "C": 0.7}


@pytest.fixture
def rows():
    def row(name, seed, network, accuracy, parameters):
        return {
            "set": name,
            "seed": seed,
            "network": network,
            "test accuracy": accuracy,
            "macro F1": accuracy - 0.1,
            "parameters": parameters,
            "ms": None if parameters is None else parameters / 1e4,
        }

    found = [
        row(name, seed, network, accuracy, 1000 if name == "A" else 3000)
        for name, networks in ACCURACIES.items()
        for network, accuracies in networks.items()
        for seed, accuracy in enumerate(accuracies)
    ]
    return found + [
        row(name, seed, "dtw_1nn", accuracy, None)
        for name, accuracy in NEIGHBOUR.items()
        for seed in range(2)
    ]


def test_summary_by_hand(rows):
    assert results.complete_sets(rows) == ["A", "B", "C"]
    first, second, third = results.summarise(rows)
    # Ranks of found 2, 1, 2.5; of the neighbour 1, 3, 1; of random 3, 2, 2.5.
    assert [line["method"] for line in (first, second, third)] == [
        *("dtw_1nn", "found", "random"),
    ]
    ranks = [line["mean rank"] for line in (first, second, third)]
    np.testing.assert_allclose(ranks, [5 / 3, 5.5 / 3, 7.5 / 3])
    assert second["mean accuracy %"] == pytest.approx(100 * (0.85 + 1.0 + 0.6) / 3)
    assert second["mean macro F1 %"] == pytest.approx(100 * (0.85 + 1.0 + 0.6) / 3 - 10)
    assert third["found is ahead by"] == pytest.approx(100 * (0.15 + 0.1 + 0.0) / 3)
    assert second["found is ahead by"] is None
    assert second["p (Wilcoxon, Holm)"] is None
    raw = [signed_rank_test([0.15, 0.1, 0.0]), signed_rank_test([-0.01, 0.5, -0.1])]
    tested = [line["p (Wilcoxon, Holm)"] for line in (third, first)]
    assert tested == pytest.approx(holm(raw))
    assert (second["parameters"], second["ms a series"]) == (3000, 0.3)
    assert first["parameters"] is None and first["ms a series"] is None


def test_published_accuracies_stand_beside_means_over_the_same_sets(rows):
    assert set(study.SETS) == published.EUCLIDEAN.keys() and len(study.SETS) == 25
    whole = [
        {"set": name, "classifier": "rocket", "error": 0.5, "known": None}
        | {"processor s": 1.0}
        for name in study.SETS
    ]
    (line,) = classifiers.summarise(whole)
    assert line["published error %"] == pytest.approx(100 - 93.86)
    (line,) = classifiers.summarise(whole[1:])
    assert line["published error %"] == "-"
    # The winner is nobody else's, and three made sets are none of the archive's.
    assert all(line["published %"] is None for line in results.summarise(rows))
    networks = [
        {**row, "set": name} for name in study.SETS for row in rows if row["set"] == "B"
    ]
    told = {line["method"]: line["published %"] for line in results.summarise(networks)}
    assert told == {"found": None, "random": None, "dtw_1nn": 84.34}
    for each in published.PUBLISHED.values():
        assert each.source in published.sources()
    # Means of what the archive's table says follow from the errors by set, but for
    # five sets whose values are not normalised as the table's are.
    ours = 100 * (1 - np.mean(list(published.EUCLIDEAN.values())))
    assert published.PUBLISHED["euclidean_1nn"].accuracy == pytest.approx(ours, abs=0.5)


def test_tables_and_words(rows):
    lines = results.by_set(rows)
    assert [line["set"] for line in lines] == ["A", "B", "C"]
    assert lines[0]["random"] == pytest.approx(70) and lines[0]["dtw_1nn"] == 86
    words = results.sentence(rows)
    assert words.startswith("3 methods on 3 sets: Friedman's test p = ")
    assert "the same cost, over the sets: +8.33 points (95 % interval" in words
    alone = [row for row in rows if row["set"] == "B"]
    assert "+10.00 points (Wilcoxon p = 1.000)" in results.sentence(alone)


def test_classifiers_have_the_known_errors(data_dir):
    rows = list(classifiers.run(data_dir / "ucr", ["Beef", "Wine"], ["euclidean_1nn"]))
    (line,) = classifiers.summarise(rows)
    assert (line["sets"], line["as known"]) == (2, "2 of 2")
    assert line["mean error %"] == pytest.approx(100 * (10 / 30 + 21 / 54) / 2)


def test_every_set_gets_as_many_steps(data_dir, monkeypatch):
    monkeypatch.setenv("QNAS_DATA_DIR", str(data_dir))
    base = default_config()
    base.data.update(source="ucr", name="ECG200", valid_fraction=0.3)
    base.train.update(epochs=10, batch_size=16)
    base.retrain.update(epochs=100, batch_size=32)
    found = study.assignments(base, "Chinatown", 3, 2)  # 14 series are left
    assert found["train.batch_size"] == found["retrain.batch_size"] == 14
    assert (found["train.epochs"], found["retrain.epochs"]) == (10 * 4, 100 * 2)
    assert (found["data.name"], found["seed"]) == ("Chinatown", 3)
    assert found["retrain.baselines"][0] == "fcn"
    assert found["retrain.baselines"][-1] == "rocket"
    found = study.assignments(base, "SwedishLeaf", 0, 2)  # 350
    assert (found["train.batch_size"], found["retrain.batch_size"]) == (16, 32)
    assert (found["train.epochs"], found["retrain.epochs"]) == (2, 20)
    own = study.assignments(base, "ECG200", 0, 2)
    assert (own["train.epochs"], own["retrain.epochs"]) == (10, 100)


def test_no_job_is_begun_when_the_time_is_over(tmp_path):
    grid = study.grid_of(["A", "B"], 2, tmp_path, minutes=0)
    order = [(cell["set"], cell["seed"]) for cell in grid.cells]
    assert order == [("A", 0), ("B", 0), ("A", 1), ("B", 1)]
    assert list(grid.run()) == []


def test_rows_of_a_job():
    entry = {"test_accuracy": 0.5, "test_macro_f1": 0.4}
    winner = {**entry, "string": "a|b", "parameters": 7, "macs": 9}
    others = {"baselines": {"random_1": winner}, "classifiers": {"rocket": entry}}
    told = {"test_examples": 4, "seconds": {"search": 1.0, "retrain": 2.0}}
    rows = list(study.rows_of({**winner, **others, **told}, {"winner": 0.25}))
    assert [row["network"] for row in rows] == ["winner", "random_1", "rocket"]
    assert [row["ms"] for row in rows] == [0.25, None, None]
    assert [row["parameters"] for row in rows] == [7, 7, None]
    assert rows[2]["arch"] is None and rows[2]["seconds"] == 3.0
