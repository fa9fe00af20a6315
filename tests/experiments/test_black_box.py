"""The black-box bench: its landscape by enumeration, and its rows in a small form."""

import itertools

import pytest

from experiments.benches import black_box
from experiments.benches.black_box import Landscape, measure, run, table


def test_the_landscape_lies_between_its_mean_and_one():
    landscape = Landscape((3, 2, 4, 2), seed=1)
    values = [landscape(arch) for arch in itertools.product(*map(range, (3, 2, 4, 2)))]
    assert max(values) == pytest.approx(1.0)
    assert sum(values) / len(values) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("contestant", ["regularized_evolution", "Optuna random"])
def test_a_contestant_is_measured(contestant):
    found = measure(contestant, evaluations=12, seeds=3)
    assert len(found.best) == 3 and len(set(found.best)) == 3
    assert 0.0 < found.next < found.first and max(found.best) <= 1.0


def test_a_contestant_of_a_fresh_process_is_a_row(monkeypatch):
    monkeypatch.setattr(
        black_box,
        "in_fresh_process",
        lambda name, evaluations, seeds, cache: black_box.Measured(
            2.0 if seeds == 2 else 1.0, 0.004, [0.5] * (seeds - 1) + [1.0]
        ),
    )
    (row,) = run(10, 4, ("random",))
    assert (row["first_seconds"], row["first_seconds_compiled"]) == (2.0, 1.0)
    assert row["best_mean"] == 0.625
    assert row["best_deviation"] == pytest.approx(0.25)
    assert table([row]).splitlines()[1].split()[:4] == ["random", "2.00", "1.00", "4.0"]
