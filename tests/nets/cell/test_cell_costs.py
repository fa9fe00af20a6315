"""Sizes of NAS-Bench-201's networks to the unit, for all 15,625 of them."""

import jax
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import CELL_OPS, CellSpace, nas_bench_201, op

SETS = {"cifar10": (32, 10), "cifar100": (32, 100), "imagenet16_120": (16, 120)}


@pytest.fixture(scope="module")
def bench(data_dir):
    with np.load(data_dir / "nas_bench_201" / "nas_bench_201.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("name", SETS)
def test_against_the_benchmark(bench, name):
    side, classes = SETS[name]
    table = build_supernet(nas_bench_201((side, side, 3), classes)).cost_table()
    ops = bench["ops"]
    assert tuple(bench["op_names"]) == CELL_OPS
    costs = table.cost(ops)
    differs = np.abs(costs["params"] / 1e6 - bench[f"{name}_params_million"]) > 1e-6
    # 150 recorded numbers have one convolution more or less than the architecture.
    assert differs.sum() == 150
    # The benchmark's FLOPs count 3 a normalised and 9 a pooled value, too.
    values = 5 * sum(16 * 2**s * (side >> s) ** 2 for s in range(3))
    others = values * (3 * np.isin(ops, (2, 3)) + 9 * (ops == 4)).sum(axis=1)
    rest = 1e6 * bench[f"{name}_flops_million"].astype(float) - costs["macs"] - others
    fixed = {32: 160_832, 16: 40_512}[side]  # of stem, residual blocks and head
    np.testing.assert_allclose(rest, fixed, atol=16)


@pytest.fixture(scope="module")
def small():
    return build_supernet(
        CellSpace("small", (4, 4, 1), 3, num_nodes=2, features=2, stages=2, cells=1)
    )


def test_by_hand(small):
    """Two stages of one cell on 4 x 4 images: every term written out."""
    table = small.cost_table()
    point, full = (4 + 4) + (16 + 8), (36 + 4) + (144 + 8)
    np.testing.assert_array_equal(table.by_op["params"], [[0, 0, point, full, 0]])
    np.testing.assert_array_equal(
        table.by_op["macs"], [[0, 0, 4 * 16 + 16 * 4, 36 * 16 + 144 * 4, 0]]
    )
    block = 9 * 8 + 9 * 16 + 8
    norms = 2 * 4 + 2 * 4
    assert table.fixed["params"] == (18 + 4) + (block + norms) + 8 + (4 * 3 + 3)
    assert table.fixed["macs"] == 18 * 16 + block * 4 + 4 * 3


def test_the_parts_of_a_description_add_up(small):
    records = small.describe_arch([3])
    assert [record["role"] for record in records] == [
        *("stem", "layer", "reduction", "head", "head", "head")
    ]
    costs = small.cost_table().cost([3])
    for name in ("params", "macs"):
        assert sum(record[name] for record in records) == costs[name]
    _, edge, reduction, *_ = records
    assert (edge["layer"], edge["edge"], edge["op"]) == (0, "0-1", "nor_conv_3x3")
    shape = ("in_features", "out_features", "stride", "resolution")
    assert [edge[name] for name in shape] == [2, 2, 1, 4]
    assert [reduction[name] for name in shape] == [2, 4, 2, 4]


def test_rows_hold_what_is_counted():
    supernet = build_supernet(CellSpace("small", (4, 4, 1), 3, features=2, stages=2))
    params, stats = jax.eval_shape(supernet.init, jax.random.key(0))
    table = supernet.cost_table()
    largest = table.by_op["params"].max(axis=1)
    assert [rows.shape for rows in params["layers"]] == [(5, n) for n in largest]
    # Rows of what has no arrays hold one value.
    empty = 1  # the mean over the pixels
    assert sum(row.size for row in params["fixed"]) == table.fixed["params"] + empty
    assert [rows.shape for rows in stats["layers"]] == [(5, 2 * 5 * (2 + 4))] * 6


def test_ops_that_change_the_shape_are_named():
    space = CellSpace(
        "mine", (4, 4, 1), 3, ops=(op("a", "average_pool"), op("b", "global_average"))
    )
    with pytest.raises(UserError, match=r"stage 0, op 'b': makes \[16\] of an"):
        build_supernet(space).cost_table()
    space = CellSpace("mine", (4, 4, 1), 3, ops=(op("b", "global_average"),))
    with pytest.raises(UserError, match="expected to keep the shape"):
        build_supernet(space).cost_table()
