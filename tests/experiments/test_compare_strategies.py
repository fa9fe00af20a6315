"""The comparison of strategies, tiny."""

import json

import numpy as np
import pytest

from experiments.comparisons import published_protocol
from experiments.comparisons import strategies as experiment
from experiments.comparisons.contestants import (
    CONTESTANTS,
    LEFT_OUT,
    PEERS,
    REFERENCE,
    SHOWN,
    Contestant,
)
from qnas_jax.evaluation.tables import TableOptions, load_table
from qnas_jax.reporting.comparison import write_comparison
from qnas_jax.search import STRATEGIES, Generation, SearchOptions


def test_every_strategy_is_compared_or_left_out_with_a_reason():
    names = {one.options["strategy"] for one in CONTESTANTS.values() if not one.peer}
    assert names | set(LEFT_OUT) == set(STRATEGIES)
    assert not names & set(LEFT_OUT) and all(LEFT_OUT.values())
    assert {REFERENCE, *PEERS, *SHOWN} <= set(CONTESTANTS)


def test_the_reference_is_the_default_strategy():
    assert CONTESTANTS[REFERENCE].options["strategy"] == SearchOptions().strategy


def test_rows_and_page(data_dir, tmp_path, monkeypatch):
    small = {
        "a": Contestant({"strategy": "random", "population": 10}, evaluations=60),
        "b": Contestant({"strategy": "qudit", "population": 5}, evaluations=40),
        "c": Contestant(peer="tpe", evaluations=40, seeds=2),
    }
    monkeypatch.setattr(experiment, "CONTESTANTS", small)
    rows = list(experiment.run(list(small), ["cifar10"], 3, str(data_dir)))
    monkeypatch.setattr(published_protocol, "CONTESTANTS", small)
    rows += published_protocol.run_published(["a"], 2, str(data_dir))
    assert [row["strategy"] for row in rows] == ["a"] * 3 + ["b"] * 3 + [*"ccaa"]
    at = list(experiment.BUDGETS).index
    for row in rows[:3]:
        assert row["test"][at(60)] is not None and row["test"][at(80)] is None
        assert np.all(np.diff(row["validation"][: at(80)]) >= 0)
        assert 0.3 < row["test"][at(60)] <= row["optimum"] < 0.944
    assert rows[3]["test"][at(60)] is None
    assert set(rows[-1]["transfer"]) == set(experiment.TASKS)
    assert 80 < rows[-1]["evaluations"] < 130
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    focus = experiment.Focus("b", ("a",), ("a", "b"), (20, 40), (40,))
    page = write_comparison(file, tmp_path, focus).read_text("utf-8")
    assert "b is" in page and "cifar10" in page


def test_first_of_the_top_by_hand(data_dir):
    """A search that meets the best arch third has waited for three evaluations."""
    table = load_table(TableOptions(data_dir=str(data_dir)))
    order = np.argsort(table.scores())
    archs = table.archs(order[[0, 1, -1, 2]])[None, :, None]
    seen = Generation(archs, np.zeros((1, 4, 1)), np.full((1, 4, 1), 1))
    assert experiment._first_top(table, seen, np.ones((1, 4))) == [3.0]
    costs = np.array([[0.06, 1.0, 0.06, 1.0]])
    np.testing.assert_allclose(experiment._first_top(table, seen, costs), [1.12])
    never = Generation(archs[:, :2], np.zeros((1, 2, 1)), np.full((1, 2, 1), 1))
    assert experiment._first_top(table, never, np.ones((1, 2))) == pytest.approx(np.inf)
