"""Constraints of a whole job and of a benchmark: kept, told, drawn; or one line."""

import json

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.nas_bench_201 import load_nas_bench_201
from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.reporting.rows import read_run
from qnas_jax.reporting.search_curves import score_against_cost
from qnas_jax.runs import WorkFolder
from qnas_jax.spaces import AdditiveBudget


def limit_of(costs):
    """Half of the way from the smallest network to the largest."""
    smallest = AdditiveBudget(costs, {"params": 10**9}).cheapest
    least, most = (
        costs.cost(arch[None])["params"][0] for arch in (smallest, costs.largest())
    )
    assert least < most
    return int(least + most) // 2


def latencies(costs, space):
    """A device that takes a microsecond a parameter, and as much again for the call."""
    lines = ["layer,op,ms", f",,{1e-3 * costs.fixed['params'] + 0.25}"]
    for layer, names in enumerate(space.choices):
        for op, name in enumerate(names):
            lines.append(f"{layer},{name},{1e-3 * costs.by_op['params'][layer, op]}")
    return "\n".join(lines)


def test_a_job_keeps_its_constraints(
    finished, tiny_config, make_setting, quick, tmp_path
):
    limit = limit_of(finished.costs)
    file = tmp_path / "phone.csv"
    file.write_text(latencies(finished.costs, finished.space))
    tiny_config.constraints.update(max_params=limit, device=str(file))
    tiny_config.constraints.max_latency_ms = 1e-3 * limit + 0.25
    tiny_config.retrain.random_picks = 1
    tiny_config.retrain.epochs = 1
    tiny_config.retrain.baselines = ("resnet8",)
    setting = make_setting(tiny_config)
    run_stages(setting, "search", ["python", "main.py"])
    folder = setting.folder.path
    run = read_run(folder)
    assert max(row["costs"]["params"] for row in run.history) <= limit
    most = {"params": limit, "latency_ms": 1e-3 * limit + 0.25}
    assert run.result["constraints"] == pytest.approx(most)
    for row in run.history:
        expected = 1e-3 * row["costs"]["params"] + 0.25
        assert row["costs"]["latency_ms"] == pytest.approx(expected)
    assert run.result["latency_ms"] <= 1e-3 * limit + 0.25
    assert run.result["parameters"] <= limit
    largest = run.result["baselines"]["largest"]
    assert largest["parameters"] <= limit
    # No ResNet is as small as these networks; the narrowest stands beside them.
    made = run.result["baselines"].pop("resnet8")
    assert made["width"] == 1 / 32 and 0 <= made["test_accuracy"] <= 1
    assert made["parameters"] > limit
    assert all(each["parameters"] <= limit for each in run.result["baselines"].values())
    drawn = score_against_cost.__wrapped__(
        run.history, run.result["arch"], run.result["constraints"]
    )
    of_params, of_macs, of_latency, _ = drawn.axes
    (line,) = of_params.lines
    assert of_params.get_title() == "Score against parameters"
    assert list(line.get_xdata()) == [limit, limit]
    assert not of_macs.lines
    assert len(of_latency.lines) == 1
    drawn.canvas.draw()
    ticks = [tick.get_text() for tick in of_latency.get_xticklabels()]
    assert ticks and not any(tick.endswith((" m", " k")) for tick in ticks)
    file.write_text(file.read_text().replace("0,", "0,1", 1))
    with pytest.raises(UserError, match="another latency table .* has changed"):
        run_stages(make_setting(tiny_config), "all", ["python", "main.py"])


def test_latency_needs_a_table(tiny_config, make_setting):
    tiny_config.constraints.max_latency_ms = 1.0
    with pytest.raises(UserError, match="latency.json is not there; measure this"):
        run_stages(make_setting(tiny_config), "all", ["python", "main.py"])


def test_a_budget_that_nothing_keeps_is_one_line(tiny_config, make_setting):
    tiny_config.constraints.max_params = 10
    setting = make_setting(tiny_config)
    with pytest.raises(UserError) as error:
        run_stages(setting, "all", ["python", "main.py"])
    least = int(str(error.value).split("at least ")[1].split(":")[0])
    assert str(error.value).startswith("constraints.max_params: got 10, expected at")
    assert not (setting.folder.path / "supernet").exists()
    costs = setting.costs
    cheapest = AdditiveBudget(costs, {"params": least}).cheapest
    assert costs.cost(cheapest[None])["params"][0] == least


def benchmark(folder, **constraints):
    config = default_config("benchmark")
    config.table.source = "nas_bench_201"
    config.constraints.update(constraints)
    config.search.population = 5
    config.benchmark.update(seeds=20, budgets=(50.0,))
    setting = open_setting(config, WorkFolder(folder), say=lambda line: None)
    run_stages(setting, "benchmark", ["python", "main.py"])
    rows = [json.loads(row) for row in (folder / "rows.jsonl").read_text().splitlines()]
    return rows, json.loads((folder / "result.json").read_text())


def test_searches_of_a_benchmark_keep_latency_and_size(tmp_path, data_dir):
    limits = {"max_latency_ms": 6.0, "device": "pixel3", "max_params": 500_000}
    rows, result = benchmark(tmp_path, **limits)
    archs = np.array([row["arch"] for row in rows])
    costs = load_nas_bench_201(data_dir).costs_of(archs)
    assert (costs["latency_ms/pixel3"] <= 6.0).all()
    assert (costs["params_million"] <= 0.5).all()
    assert result["constraints"] == {"params": 500_000, "latency_ms": 6.0}
    assert result["optimum"] < 0.943
    assert max(row["test"][0] for row in rows) <= result["optimum"]


def test_tables_say_what_they_do_not_know(tmp_path, data_dir):
    assert data_dir
    with pytest.raises(UserError, match=r"constraints.device: got '', allowed: one of"):
        benchmark(tmp_path, max_latency_ms=1.0)
    with pytest.raises(UserError, match=r"max_params: got 1, expected at least 73306"):
        benchmark(tmp_path, max_params=1)
