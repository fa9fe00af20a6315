"""Scores of cells beside short and long trainings."""

import itertools

import numpy as np
import pytest

from experiments.comparisons.short_trainings import measures, run, values_of
from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.nas_bench_201 import load_nas_bench_201
from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.runs import RowLog
from qnas_jax.spaces import CELL_OPS

CELLS = np.asarray(list(itertools.product(range(5), repeat=6)))[::7]


def test_what_an_op_is_worth_and_taus_by_hand():
    worth = np.asarray([0.0, 1.0, 4.0, 9.0, -2.0])
    noise = np.random.default_rng(0).normal(0, 0.1, len(CELLS))
    truth = worth[CELLS].sum(axis=1) + noise
    rows = list(measures(CELLS, {"loss": -truth}, {"known": truth}))
    turned, same = rows
    assert turned["score"] == "loss" and same["score"] == "known"
    assert turned["tau, known"] == pytest.approx(-1)
    assert same["tau, known"] == pytest.approx(1)
    assert turned["tau at equal cost, known"] == pytest.approx(-1)
    by_worth = sorted(CELL_OPS[1:], key=same.get)
    assert by_worth == ["avg_pool_3x3", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"]
    for name in CELL_OPS[1:]:
        assert turned[name] == pytest.approx(-same[name])


def test_losses_are_turned_and_what_is_missing_is_the_worst():
    rows = [
        {"metrics": {"loss": 2.0, "nwot": 5.0}},
        {"metrics": {"loss": 1.0}},
        {"metrics": {"loss": None, "nwot": 7.0}},
    ]
    found = values_of(rows)
    np.testing.assert_array_equal(found["loss"], [-2, -1, np.nan])
    np.testing.assert_array_equal(found["nwot"], [5, np.nan, 7])
    assert set(found) == {"loss", "nwot"}


def test_the_scores_of_a_run_beside_the_benchmark(tmp_path, data_dir):
    bench = load_nas_bench_201(data_dir)
    archs = CELLS[:200]
    short = bench.validation[0][index_of(bench.space, archs), 0]
    folder = tmp_path / "mine"
    RowLog(folder / "reference" / "evaluations.jsonl").append(
        {"arch": arch.tolist(), "metrics": {"accuracy": float(value)}}
        for arch, value in zip(archs, short, strict=True)
    )
    accuracy, twelve, full = run([folder], str(data_dir))
    assert accuracy["tau, 12 epochs"] == pytest.approx(1)
    assert accuracy["architectures"] == 200
    assert 0.5 < accuracy["tau, 200 epochs"] < 1
    assert accuracy["folder"] == "mine"
    assert twelve["tau, 200 epochs"] == pytest.approx(full["tau, 12 epochs"])


@pytest.mark.parametrize("archs", [[], [[0, 1]], [[0] * 6, [1] * 5]])
def test_a_sample_of_another_space_is_told(archs, tmp_path, data_dir):
    folder = tmp_path / "other"
    RowLog(folder / "reference" / "evaluations.jsonl").append(
        {"arch": arch, "metrics": {}} for arch in archs
    )
    with pytest.raises(UserError, match="evaluations.jsonl: got .* architectures"):
        list(run([folder], str(data_dir)))
