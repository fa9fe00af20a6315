"""`--stage=benchmark`: a tiny table of the user's own, against its file."""

import csv
import json
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.jobs.benchmark import plan, report
from qnas_jax.jobs.strategies import strategy_of
from qnas_jax.options import OptionError
from qnas_jax.runs import WorkFolder
from qnas_jax.searching.classical.random_search import RandomSearch
from qnas_jax.stopping import Stopped

FILE = pathlib.Path(__file__).resolve().parents[2] / "configs/tables/example.csv"
OPS = ("conv3", "conv5", "skip")


def make_config(**options):
    config = default_config("benchmark")
    config.table.update(
        source="file",
        file=str(FILE),
        arch_columns=("op_*",),
        validation_columns="valid_a, valid_b",
        test_columns=("test",),
        seconds_columns="seconds",
    )
    config.search.update(strategy="random", population=2)
    config.benchmark.update(seeds=5, budgets=(4.0, 10.0, 300.0))
    for name, value in options.items():
        group, _, field = name.partition("__")
        config[group][field] = value
    return config


def run(tmp_path, **options):
    folder = WorkFolder(tmp_path / "run")
    setting = open_setting(make_config(**options), folder, say=lambda line: None)
    lines = run_stages(setting, "benchmark", ["python", "main.py"])
    text = (folder.path / "rows.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    return lines, rows, json.loads((folder.path / "result.json").read_text())


def file_rows():
    """By arch: the mean of the validation runs, the test value, seconds."""
    found = {}
    with FILE.open() as file:
        for row in csv.DictReader(file):
            runs = [float(row[name]) for name in ("valid_a", "valid_b") if row[name]]
            arch = tuple(OPS.index(row[f"op_{layer}"]) for layer in (1, 2, 3))
            found[arch] = np.mean(runs), float(row["test"]), float(row["seconds"])
    return found


def test_rows_hold_what_the_file_says(tmp_path):
    lines, rows, result = run(tmp_path)
    known = file_rows()
    assert [row["seed"] for row in rows] == list(range(5))
    for row in rows:
        values = [known[tuple(arch)] for arch in row["archs"]]
        np.testing.assert_allclose(row["validation"], [v for v, _, _ in values], 1e-5)
        np.testing.assert_allclose(row["test"], [t for _, t, _ in values], 1e-5)
        assert row["validation"] == sorted(row["validation"])
        assert row["evaluations"] == row["spent"] == [4, 10, 300]
        assert row["arch"] == row["archs"][-1]
        assert row["string"] == "|".join(OPS[op] for op in row["arch"])
        assert row["config"]["table"]["file"] == str(FILE)
        assert {"commit", "versions", "qnas_jax"} <= row.keys()
    # 300 random archs of 27: the best by validation is among them.
    best = max(known, key=lambda arch: known[arch][0])
    assert all(tuple(row["arch"]) == best for row in rows)
    assert len({tuple(row["archs"][0]) for row in rows}) > 1
    optimum = max(test for _, test, _ in known.values())
    assert result["optimum"] == pytest.approx(optimum)
    for place, summary in enumerate(result["budgets"]):
        test = [row["test"][place] for row in rows]
        assert summary["test"]["mean"] == pytest.approx(np.mean(test))
        assert summary["test"]["sd"] == pytest.approx(np.std(test, ddof=1))
        gap = optimum - np.mean(test)
        assert summary["gap_to_optimum"] == pytest.approx(gap, abs=1e-6)
        assert summary["ended_early"] == 0
    assert lines[0].startswith("benchmark: random on example: 5 searches in ")
    mean = result["budgets"][0]["test"]["mean"]
    assert lines[1].startswith(f"4 evaluations: test {mean:.5g} ± ")


def test_a_stopped_benchmark_keeps_what_it_found(tmp_path):
    _, rows, _ = run(tmp_path / "whole")
    chunks = make_config(benchmark__seeds_at_once=2)
    folder = WorkFolder(tmp_path / "run")
    stops = iter([False, True])
    setting = open_setting(
        chunks, folder, say=lambda line: None, should_stop=lambda: next(stops)
    )
    with pytest.raises(Stopped):
        run_stages(setting, "benchmark", ["python", "main.py"])
    (kept,) = (folder.path / "benchmark").glob("*.npz")
    stamp = kept.stat().st_mtime_ns
    _, again, _ = run(tmp_path, benchmark__seeds_at_once=2)
    assert kept.stat().st_mtime_ns == stamp  # these searches were not run again
    for row in (*rows, *again):
        del row["config"]
    assert rows == again


def test_chunks_of_seeds_change_nothing(tmp_path):
    _, rows, _ = run(tmp_path)
    _, chunked, _ = run(tmp_path / "2", benchmark__seeds_at_once=2)
    for row in (*rows, *chunked):
        del row["config"]
    assert rows == chunked


def test_a_budget_in_seconds(tmp_path):
    _, rows, _ = run(
        tmp_path,
        benchmark__budget_in="train_seconds",
        benchmark__budgets=(50.0, 500.0, 900.0),
    )
    seconds = {arch: values[2] for arch, values in file_rows().items()}
    for row in rows:
        assert row["archs"][0] is None and row["test"][0] is None
        assert row["spent"][0] == row["evaluations"][0] == 0
        assert 500 - max(seconds.values()) < row["spent"][1] <= 500
        assert row["evaluations"][1] < row["evaluations"][2]
        assert all(row["exhausted"])


def test_free_repeats_end_when_all_is_known(tmp_path):
    _, rows, result = run(
        tmp_path,
        benchmark__count_repeats=False,
        benchmark__budgets=(10.0, 27.0, 28.0),
        search__generations=150,
    )
    for row in rows:
        assert row["spent"] == [10, 27, 27] and row["evaluations"][2] == 300
        assert row["exhausted"] == [True, True, False]
    assert [budget["ended_early"] for budget in result["budgets"]] == [0, 0, 5]


def test_losses_are_minimised_and_reported_as_they_are(tmp_path):
    _, rows, result = run(tmp_path, table__maximise=False)
    known = file_rows()
    worst = min(known, key=lambda arch: known[arch][0])
    assert all(tuple(row["arch"]) == worst for row in rows)
    assert rows[0]["validation"][-1] == pytest.approx(known[worst][0])
    assert result["optimum"] == pytest.approx(min(v[1] for v in known.values()))
    assert all(budget["gap_to_optimum"] >= 0 for budget in result["budgets"])


def test_without_test_values_the_validation_is_reported_as_such(tmp_path):
    lines, rows, result = run(tmp_path, table__test_columns=())
    assert rows[0]["test"] is None and result["optimum"] is None
    assert lines[1].startswith("4 evaluations: validation ")
    assert "table.test_columns is empty" in lines[-2]


def make_table(tmp_path, validation, test):
    """27 archs by their ops as digits, with values as they are written."""
    path = tmp_path / "own.csv"
    lines = ["op_1,op_2,op_3,valid,test"]
    for place, values in enumerate(zip(validation, test, strict=True)):
        ops = [OPS[place // 3**layer % 3] for layer in (2, 1, 0)]
        lines.append(",".join([*ops, *values]))
    path.write_text("\n".join(lines) + "\n")
    return {
        "table__file": str(path),
        "table__validation_columns": "valid",
        "table__seconds_columns": "",
    }


def test_searches_without_a_test_value_are_counted(tmp_path):
    validation = [f"{0.5 + place / 100:.2f}" for place in range(27)]
    test = [*validation[:22], *[""] * 5]  # the best have none
    columns = make_table(tmp_path, validation, test)
    budgets = (5.0, 300.0)
    lines, rows, result = run(tmp_path, **columns, benchmark__budgets=budgets)
    ended = [row["test"][0] for row in rows]
    known = [value for value in ended if value is not None]
    assert 0 < len(known) < 5
    first, last = result["budgets"]
    assert first["test"]["searches"] == len(known)
    assert first["test"]["mean"] == pytest.approx(np.mean(known))
    assert f" over {len(known)} of 5 searches, " in lines[1]
    without = "ended with an architecture without a test value"
    assert lines[1].endswith(f"; {5 - len(known)} {without}")
    assert lines[2] == f"300 evaluations: no test value of 5 searches; 5 {without}"
    assert last["test"]["mean"] is None and "nan" not in "".join(lines)


def test_one_search_has_no_spread(tmp_path):
    lines, _, _ = run(tmp_path, benchmark__seeds=1)
    assert "±" not in lines[1] and "nan" not in "".join(lines)


def test_searches_that_found_nothing_are_counted(tmp_path):
    lines, _, _ = run(
        tmp_path,
        benchmark__budget_in="train_seconds",
        benchmark__budgets=(50.0, 900.0),
    )
    assert lines[1].startswith(
        "50 train seconds: no test value of 5 searches; 5 had found no architecture"
    )


@pytest.mark.parametrize("maximise", [True, False])
def test_values_that_float32_does_not_tell_apart(tmp_path, maximise):
    order = np.random.default_rng(0).permutation(27)
    values = [5e9 + place for place in order]
    texts = [f"{value:.0f}" for value in values]
    columns = make_table(tmp_path, texts, texts)
    lines, rows, result = run(tmp_path, **columns, table__maximise=maximise)
    best = 5e9 + (26 if maximise else 0)
    assert result["optimum"] == best
    for row in rows:
        assert row["test"] == row["validation"]
        assert row["validation"] == sorted(row["validation"], reverse=not maximise)
        assert row["validation"][-1] == best
    assert f"best test value {best:.0f}" in lines[0]
    assert lines[-2].startswith(
        f"300 evaluations: test {best:.0f} ± 0, 0 from the best"
    )


class TwoFidelities(RandomSearch):
    def fidelities(self, state):
        return jnp.arange(2)


def test_a_strategy_with_fidelities_is_evaluated_at_them(tmp_path, monkeypatch):
    def make(*args):
        strategy = strategy_of(*args)
        return TwoFidelities(strategy.num_ops, strategy.population)

    monkeypatch.setattr(plan, "strategy_of", make)
    columns = {"table__validation_columns": "low: valid_a; high: valid_b"}
    times = {"table__seconds_columns": "low: seconds; high: seconds"}
    budget = {"benchmark__budget_in": "train_seconds", "benchmark__budgets": (900.0,)}
    _, rows, _ = run(tmp_path, **columns, **times, **budget)
    with FILE.open() as file:
        values = {
            tuple(OPS.index(row[f"op_{layer}"]) for layer in (1, 2, 3)): row["valid_b"]
            for row in csv.DictReader(file)
        }
    for row in rows:
        assert row["validation"][0] == pytest.approx(float(values[tuple(row["arch"])]))
    with pytest.raises(OptionError, match="table.fidelity: got 'low', allowed: empty"):
        run(tmp_path, **columns, **times, **budget, table__fidelity="low")


def test_a_refused_command_keeps_what_was_found(tmp_path):
    _, rows, _ = run(tmp_path)
    with pytest.raises(UserError, match=r"nope\.csv: no such file"):
        run(tmp_path, table__file="nope.csv")
    stored = (tmp_path / "run" / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in stored] == rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table__file": "nope.csv"}, r"nope\.csv: no such file"),
        (
            {"table__arch_columns": ("op1",)},
            "got no column 'op1', expected one of op_1",
        ),
        ({"table__test_columns": ("valid_a",)}, r"table.test_columns: got \('valid_a'"),
        ({"table__fidelity": "12"}, "fidelity: got '12', expected one of full"),
        ({"table__seed": "7"}, "seed: got 7, expected"),
        (
            {"search__strategy": "hyperband"},
            "hyperband.num_fidelities: got 2, allowed: 1, those of table",
        ),
        ({"table__source": "x"}, "table.source: got 'x', allowed: one of nas_bench"),
        ({"table__file": ""}, "table.file: got '', allowed: needed where source"),
        ({"benchmark__budgets": (10, 5)}, r"budgets: got \(10.0, 5.0\), allowed: asc"),
        ({"benchmark__budgets": (1.5,)}, r"budgets: got \(1.5,\), allowed: whole"),
        ({"benchmark__budgets": ("ten",)}, r"benchmark.budgets: got \('ten',\)"),
        ({"benchmark__budgets": (0.0,)}, r"benchmark.budgets: got \(0.0,\), allowed"),
        ({"benchmark__budgets": ()}, r"benchmark.budgets: got \(\), allowed: ascend"),
        (
            {"search__generations": 3},
            "search.generations: got 3, allowed: 0, or at lea",
        ),
        ({"benchmark__count_repeats": False}, "search.generations: got 0, allowed: in"),
        (
            {"benchmark__budget_in": "train_seconds", "table__seconds_columns": ""},
            "got no training times",
        ),
        (
            {"benchmark__budget_in": "train_seconds", "benchmark__budgets": (1e12,)},
            "search.generations: got 0, allowed: int >= 1 where",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, options, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        run(tmp_path, **options)
    assert "\n" not in str(error.value)


def test_equal_values_have_no_spread():
    same = {"mean": float(np.mean([0.28478] * 20)), "sd": 5.7e-17}
    assert report._mean_and_spread(same, 1.0) == "0.28478 ± 0"
    large = {"mean": 5e9 + 0.5, "sd": 0.7}
    assert report._mean_and_spread(large, 1.0) == "5000000000.5 ± 0.7"
