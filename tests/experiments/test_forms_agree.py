"""Both forms compared: what is found on a small space, and what must be seen."""

import numpy as np
import pytest

from experiments.reliability import forms_agree
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op


@pytest.fixture
def small(monkeypatch):
    """Two kernels and a skip, the second layer narrower in kinds."""
    ops = (op("conv", "conv"), op("conv1", "conv", kernel=1), op("skip", "skip"))
    space = NetworkSpace(
        name="small",
        layers=(Layer(3, 3, 1, ops), Layer(3, 4, 2, ops[:2])),
        stem=(fixed(1, 3, 1, "conv"),),
        head=(fixed(4, 4, 1, "global_average"), fixed(4, 3, 1, "classifier")),
        input_shape=(6, 6, 1),
        num_classes=3,
    )
    monkeypatch.setattr(forms_agree, "built_in_space", lambda name: space)


def test_a_row_a_precision_and_none_twice(small):
    rows = list(forms_agree.run(["small"], ["float64", "float32"]))
    assert [row["precision"] for row in rows] == ["float64", "float32"]
    for row, bound in zip(rows, (1e-12, 2e-5), strict=True):
        assert all(0 <= row[part] < bound for part in forms_agree.PARTS)
    assert rows[1]["outputs"] > 1e-9  # it was computed in float32
    (again,) = forms_agree.run(["small"], ["float64", "float32"], rows[:1])
    assert again == rows[1]


def test_the_largest_difference_of_any_array_counts():
    one = {"a": np.array([10.0, 1.0]), "b": np.array([[0.1]]), "c": np.zeros(2)}
    other = {"a": np.array([10.0, 2.0]), "b": np.array([[0.13]]), "c": np.zeros(2)}
    assert forms_agree._apart(one, other) == pytest.approx(0.3)
    assert forms_agree._apart(one, one) == 0.0
