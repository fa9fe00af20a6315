"""The experiment on latency predictors, on devices whose latencies are known sums."""

import numpy as np
import pytest

from experiments.comparisons import latency_predictors as experiment
from experiments.figures.few_shot_latency import few_shot_figure
from qnas_jax.latency import LatencySamples
from qnas_jax.spaces import SearchSpace


@pytest.fixture(scope="module")
def samples():
    space = SearchSpace("toy", (("a", "b", "c"),) * 4)
    rng = np.random.default_rng(0)
    archs = rng.integers(0, 3, (960, 4))
    effects = rng.uniform(1, 2, (4, 3))
    exact = effects[np.arange(4), archs].sum(axis=1)
    return LatencySamples(
        space,
        archs,
        {
            "one_1": exact,
            "one_2": 2 * exact + 1,
            "other_1": 5 * exact,
            "noise": rng.uniform(1, 2, 960),
        },
    )


@pytest.fixture(scope="module")
def rows(samples):
    methods = ("learnt", "with others", "with pairs", "ridge", "boosted trees")
    devices = ("one_1", "noise")
    return list(experiment.run(samples, devices, (7, 100), 2, methods))


def test_rows(rows):
    assert len(rows) == 2 * 5 * 2 * 2
    found = {
        (row["target"], row["method"], row["samples"]): row
        for row in rows
        if row["seed"] == 1
    }
    assert found["one_1", "learnt", 100]["spearman"] > 0.9999
    assert found["one_1", "learnt", 100]["median error"] < 1e-3
    # Seven samples do not tell nine effects, but another device has them.
    helped = found["one_1", "with others", 7]["spearman"]
    assert helped > 0.95 and helped > found["one_1", "learnt", 7]["spearman"]
    for method in experiment.METHODS:
        assert found["one_1", method, 100]["spearman"] > 0.9
        assert abs(found["noise", method, 100]["spearman"]) < 0.5
    assert found["one_1", "learnt", 7]["ceiling"] > 0.9999
    assert found["noise", "learnt", 7]["ceiling"] < 0.4


def test_another_kind_of_model_learns_from_almost_everything(samples):
    methods = ("learnt", experiment.PERCEPTRON)
    rows = list(experiment.run(samples, ["one_1"], (850,), 1, methods, largest=850))
    assert [row["method"] for row in rows] == list(methods)
    assert min(row["spearman"] for row in rows) > 0.9


def test_a_device_is_no_help_to_its_family(samples):
    assert experiment.family("one_1") == experiment.family("one_2") == "one"
    assert experiment.family("noise") == "noise"
    alone = LatencySamples(
        samples.space,
        samples.archs,
        {name: samples.latency_ms[name] for name in ("one_1", "one_2")},
    )
    methods = ("learnt", "with others")
    first, second = experiment.run(alone, ("one_1",), (5,), 1, methods)
    assert first["spearman"] == second["spearman"]


def test_tables_and_figure(rows):
    lines = experiment.summary(rows)
    assert len(lines) == 5 * 2
    (line,) = [x for x in lines if (x["method"], x["samples"]) == ("learnt", 100)]
    assert line[">= 0.95"] == "1 of 2" and line["lowest"].endswith("(noise)")
    each = experiment.by_device(rows, 100)
    assert [line["device"] for line in each] == ["one_1", "noise"]
    assert each[0]["Spearman"].startswith("1.0000")
    assert few_shot_figure(rows).startswith(b"\x89PNG")


def test_errors_by_hand():
    found = experiment.errors(np.array([2.0, 1.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    assert found == pytest.approx({"spearman": 0.5, "median error": 0.5})
    assert experiment.errors(np.ones(3), np.arange(3.0))["spearman"] == 0.0


def test_public_data(data_dir):
    """Both spaces are read; a device of each is as the benchmarks print it."""
    fbnet = experiment.read_space("fbnet", data_dir)
    bench = experiment.read_space("nas_bench_201", data_dir)
    assert len(fbnet.latency_ms) == len(bench.latency_ms) == 27
    assert bench.archs.shape == (15625, 6) and bench.space.choices[0][0] == "none"
    largest = bench.archs[np.argmax(bench.latency_ms["eyeriss"])]
    assert set(largest) == {3}  # convolutions of 3 x 3 on all edges
