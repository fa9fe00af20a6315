"""Every experiment runs, tiny, and its rows say what they should."""

import json

import pytest

from experiments import bench_depthwise, bench_scoring_forms, search_rules
from experiments.rows import table, write_rows
from qnas_jax.search import SearchOptions


def test_rows_carry_their_provenance(tmp_path):
    write_rows(str(tmp_path / "out" / "rows.jsonl"), [{"a": 1}, {"a": 2}])
    lines = (tmp_path / "out" / "rows.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["a"] for row in rows] == [1, 2]
    assert all(row["jax"] and row["device"] for row in rows)


def test_a_table_is_markdown():
    text = table([{"x": 1.23456, "y": "a"}], ["x", "y"])
    assert text.splitlines() == ["| x | y |", "| --- | --- |", "| 1.2346 | a |"]


def test_bench_depthwise_runs():
    rows = bench_depthwise.run([(2, 4, 8, 3, 1)], passes=1)
    assert [row["direction"] for row in rows] == ["forward", "gradients"]
    assert all(row["ratio"] > 0 for row in rows)


@pytest.mark.slow
def test_bench_scoring_forms_runs():
    rows = bench_scoring_forms.run("digits", 8, population=2, images=8, passes=1)
    assert [row["form"] for row in rows] == ["ours", "vmap"]
    assert rows[1]["ratio to vmap"] == 1.0


def test_search_rules_compares_settings():
    settings = [
        SearchOptions(strategy=name, population=8, generations=40)
        for name in ("qbit", "random")
    ]
    qbit, random = search_rules.run_onemax(settings, num_seeds=8, bits=20)
    assert qbit["mean"] > random["mean"]
    assert qbit["migration"] == "default"


def test_search_rules_solves_knapsacks(data_dir):
    rows = search_rules.run_knapsack(data_dir, num_seeds=2, generations=3)
    assert {row["items"] for row in rows} == {250, 500}
    assert all(row["mean"] > 1000 for row in rows)
