"""Spaces of cells: edges, widths, and what they refuse."""

import pytest

from qnas_jax.spaces import CELL_OPS, CellSpace, nas_bench_201


def test_nas_bench_201():
    space = nas_bench_201((32, 32, 3), 10)
    assert space.edges == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    assert space.choices == (CELL_OPS,) * 6 and space.size == 15_625
    assert space.widths == (16, 32, 64)
    assert hash(space) == hash(nas_bench_201((32, 32, 3), 10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_nodes": 1}, "num_nodes: got 1, expected an int >= 2"),
        ({"cells": 0}, "cells: got 0"),
        ({"features": 2.0}, "features: got 2.0"),
        ({"num_classes": 1}, "num_classes: got 1"),
        (
            {"input_shape": (30, 32, 3)},
            "images of 30 x 32, expected multiples of 4",
        ),
    ],
)
def test_bad_input_is_named(options, message):
    fields = {"input_shape": (32, 32, 3), "num_classes": 10} | options
    with pytest.raises(ValueError, match=message):
        CellSpace("mine", **fields)
