"""Strategies on tables of small spaces, and their winners trained again."""

import dataclasses

import numpy as np
import pytest

from experiments.comparisons import small_spaces as experiment
from experiments.comparisons import small_winners
from experiments.comparisons.contestants import CONTESTANTS, REFERENCE
from experiments.comparisons.small_kinds import KINDS
from experiments.figures.small_spaces import best_values
from qnas_jax.evaluation.tables import load_table, load_test
from qnas_jax.reporting.comparison.records import curves_by_task
from qnas_jax.shipped import shipped_file
from qnas_jax.spaces import SearchSpace

PNG = b"\x89PNG"


def rows_of(name, values, task="leaves"):
    """Searches whose values at 25, 50 and 100 evaluations are alike."""
    return [
        {
            "strategy": name,
            "task": task,
            "seed": seed,
            "budgets": [25, 50, 100],
            "test": [value] * 3,
            "first_top": None,
            "optimum": 0.9,
        }
        for seed, value in enumerate(values)
    ]


@pytest.fixture
def tasks():
    spread = np.linspace(-0.01, 0.01, 21)
    rows = rows_of(REFERENCE, 0.80 + spread) + rows_of("random", 0.70 + spread)
    rows += rows_of("TPE (Optuna)", 0.85 + spread) + rows_of("qbit", 0.60 + spread)
    rows += rows_of("reinforce", 0.8001 + spread)
    rows += rows_of(REFERENCE, 0.5 + spread, "digits")
    return curves_by_task(rows)


@pytest.mark.parametrize("name", experiment.CONFIGS)
def test_tables_that_are_shipped(name):
    """All networks of the space, judged by both splits, of no more than 60 KB."""
    options = experiment.table_options(name)
    table = load_table(options)
    kind = KINDS[name.rpartition("_")[2]]
    lengths = (str(kind.short), str(kind.training.epochs))
    assert table.fidelities == (lengths if kind.short else ("full",))
    assert 500 <= table.space.size <= 750
    scores = table.scores()
    assert np.isfinite(scores).all() and scores.std() > 0.005
    tested = load_test(options).open(table.archs(np.arange(table.space.size)))
    # Two splits agree on what a network is worth.
    assert np.corrcoef(scores, tested)[0, 1] > 0.3
    assert shipped_file(options.file).stat().st_size < 60_000


def test_a_table_is_searched_once_and_never_again(monkeypatch):
    small = {
        "random": CONTESTANTS["random"],
        "hyperband": dataclasses.replace(CONTESTANTS["hyperband"], evaluations=30),
    }
    monkeypatch.setattr(experiment, "CONTESTANTS", small)
    config = "benchmark_small_series"
    parts = list(experiment.run([config], list(small), 3, 30))
    assert [len(rows) for rows in parts] == [3, 3]
    assert [rows[0]["strategy"] for rows in parts] == list(small)
    for row in parts[0]:
        at = row["budgets"].index(25)
        assert 0.5 < row["test"][at] <= row["optimum"]
    known = [("small_series", "random")]
    (rows,) = experiment.run([config], list(small), 3, 30, known)
    assert rows == parts[1]
    # A table of one fidelity has nothing for Hyperband, which is no failure.
    assert list(experiment.run(["benchmark_small_text"], ["hyperband"], 3, 30)) == [[]]


def test_results_by_hand(tasks):
    lines = experiment.result_rows(tasks)
    assert [line["strategy"] for line in lines] == [
        *("TPE (Optuna)", "reinforce", REFERENCE, "random", "qbit")
    ]
    # 21 values of deviation 0.6205 points, t of 20 degrees of freedom 2.08596.
    half = 2.08596 * np.linspace(-1, 1, 21).std(ddof=1) / np.sqrt(21)
    assert lines[0]["leaves, 25"] == f"85.00 ± {half:.2f}"
    assert lines[0]["digits, 25"] == "-" and lines[2]["digits, 25"].startswith("50.00")


def test_who_is_better_than_the_default(tasks):
    lines = {line["against"]: line["leaves"] for line in experiment.test_rows(tasks)}
    assert {line["digits"] for line in experiment.test_rows(tasks)} == {"-"}
    assert set(lines) == {"random", "TPE (Optuna)", "reinforce"}  # qbit has gates
    assert lines["random"] == "+10.00* / +10.00* / +10.00*"
    assert lines["TPE (Optuna)"] == "-5.00° / -5.00° / -5.00°"
    assert lines["reinforce"] == "-0.01 / -0.01 / -0.01"
    said = experiment.counts(experiment.test_rows(tasks))
    assert "9 tests: better in 3, worse in 3, no difference found in 3" in said


def test_the_figure(tasks):
    assert best_values(tasks, (REFERENCE, "random")).startswith(PNG)


def test_ops_of_a_table_are_found_by_name():
    """A table sorts the names of ops; its numbers are not those of the space."""
    seen = load_table(experiment.table_options("benchmark_small_series"))

    class Own:
        space = SearchSpace("own", tuple(each[::-1] for each in seen.space.choices))

    archs = np.array([[0, 1, 2, 3], [4, 4, 4, 4]])
    found = small_winners._renumbered(seen, Own(), archs)
    assert found == [(4, 3, 2, 1), (0, 0, 0, 0)]


def test_winners_are_held_against_those_of_the_default():
    rows = [
        {"strategy": name, "search": 0, "arch": arch, "parameters": 10, "test": test}
        for name, arch, test in (
            (REFERENCE, [0], [0.8, 0.9]),
            (REFERENCE, [0], [0.9, None]),
            ("random", [1], [0.6, 0.6]),
            ("random", [2], [0.7, 0.7]),
        )
    ]
    first, second = small_winners.summarise(rows)
    assert first["test accuracy %"] == pytest.approx(87.5)
    assert (first["different winners"], second["different winners"]) == (1, 2)
    assert first["low"] is None and second["difference"] == pytest.approx(-22.5)
    assert second["low"] < -22.5 < second["high"]
