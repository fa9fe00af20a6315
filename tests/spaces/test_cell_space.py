"""Spaces of cells: edges, widths, and what they refuse."""

import numpy as np
import pytest

from qnas_jax.spaces import (
    CELL_OPS,
    CellSpace,
    NetworkSpace,
    chain,
    fixed,
    nas_bench_201,
    op,
)


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


def test_cells_without_a_way_from_input_to_output():
    space = nas_bench_201((32, 32, 3), 10)
    archs = np.stack(np.unravel_index(np.arange(space.size), space.num_ops), axis=1)
    found = space.lets_through(archs)
    # By hand: an edge is open with 4/5. Without 0-3 (1/5) the ways are 0-1-3, 0-2-3
    # and, with 1-2 (4/5), 0-1-2-3. Without 1-2: 1 - (1 - 16/25)^2 = .8704. With it: 0-1
    # open and 1-3 or 2-3, or 0-1 closed and 0-2-3: 4/5 * 24/25 + 1/5 * 16/25 = .896.
    closed = (1 - (0.2 * 0.8704 + 0.8 * 0.896)) / 5
    assert (~found).sum() == round(closed * 5**6) == 341
    # And by powers of the adjacency matrix.
    for arch, way in zip(archs[::7], found[::7], strict=True):
        adjacency = np.zeros((4, 4), int)
        for (before, node), chosen in zip(space.edges, arch, strict=True):
            adjacency[before, node] = chosen != 0
        powers = sum(np.linalg.matrix_power(adjacency, power) for power in (1, 2, 3))
        assert way == (powers[0, 3] > 0)


def test_longest_way_of_a_cell():
    space = nas_bench_201((32, 32, 3), 10)
    weights = np.array([1.0, 5.0, 2.0, 4.0, 7.0, 3.0])
    # 0-3: 4, 0-1-3: 8, 0-2-3: 8, 0-1-2-3: 6.
    assert space.longest(weights) == 8
    weights[[4, 1]] = -np.inf
    assert space.longest(weights) == 6
    weights[[5]] = -np.inf
    np.testing.assert_array_equal(space.longest([weights, np.zeros(6)]), [4, 0])
    assert space.longest(np.full(6, -np.inf)) == -np.inf


def test_a_chain_lets_nothing_through_where_a_layer_gives_zeros():
    layers = chain(4, [(4, 1)] * 3, (op("conv", "conv"), op("none", "zero")))
    head = (fixed(4, 4, 1, "global_average"), fixed(4, 3, 1, "classifier"))
    space = NetworkSpace("mine", (8, 8, 1), 3, layers, (fixed(1, 4, 1, "conv"),), head)
    archs = np.stack(np.unravel_index(np.arange(8), (2, 2, 2)), axis=1)
    assert space.lets_through(archs).tolist() == [True] + [False] * 7
    assert space.longest([[1, 2, 3], [1, 0, 0]]).tolist() == [6, 1]
