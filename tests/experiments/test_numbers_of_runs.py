"""How far two runs are from each other, by hand."""

import numpy as np
import pytest

from experiments.reliability.numbers import differences, read_numbers
from qnas_jax.runs import RowLog, write_arrays, write_json


def make_run(folder, *, loss=2.0, seconds=1.0, weight=4.0):
    folder.mkdir()
    write_json(folder / "result.json", {"best": {"arch": [1, 0]}, "seconds": seconds})
    rows = [{"loss": loss, "stage": "a"}, {"loss": 1.0, "seconds": seconds}]
    RowLog(folder / "metrics.jsonl").append(rows)
    write_arrays(folder / "registers.npz", angle=np.array([[weight, -1.0]], np.float32))
    return read_numbers(folder)


def test_numbers_belong_together_by_field(tmp_path):
    assert make_run(tmp_path / "run") == {
        "metrics.jsonl: loss": [2.0, 1.0],
        "registers.npz: angle": [4.0, -1.0],
        "result.json: best.arch": [1.0, 0.0],
    }


def test_differences_are_shares_of_the_largest(tmp_path):
    first = make_run(tmp_path / "first")
    assert differences(first, make_run(tmp_path / "later", seconds=2.0)) == {}
    found = differences(first, make_run(tmp_path / "other", loss=2.5, weight=3.5))
    assert list(found) == ["metrics.jsonl: loss", "registers.npz: angle"]
    assert list(found.values()) == pytest.approx([0.5 / 2, 0.5 / 4])


def test_what_is_missing_or_no_number_is_told():
    nan = float("nan")
    assert differences({"a": [1.0, nan]}, {"a": [1.0, nan]}) == {}
    found = differences({"a": [1.0], "b": [1.0]}, {"a": [1.0, 2.0]})
    assert found == {"a": float("inf"), "b": float("inf")}
