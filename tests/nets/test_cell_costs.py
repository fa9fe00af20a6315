"""Sizes of NAS-Bench-201's networks to the unit, for all 15,625 of them."""

import numpy as np
import pytest

from qnas_jax.nets import CellNetwork
from qnas_jax.spaces import CELL_OPS, CellSpace, nas_bench_201

SETS = {"cifar10": (32, 10), "cifar100": (32, 100), "imagenet16_120": (16, 120)}


@pytest.fixture(scope="module")
def bench(data_dir):
    with np.load(data_dir / "nas_bench_201" / "nas_bench_201.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("name", SETS)
def test_against_the_benchmark(bench, name):
    side, classes = SETS[name]
    table = CellNetwork(nas_bench_201((side, side, 3), classes)).cost_table()
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


def test_by_hand():
    """Two stages of one cell on 4 x 4 images: every term written out."""
    space = CellSpace("small", (4, 4, 1), 3, num_nodes=2, features=2, stages=2, cells=1)
    table = CellNetwork(space).cost_table()
    point, full = (4 + 4) + (16 + 8), (36 + 4) + (144 + 8)
    np.testing.assert_array_equal(table.by_op["params"], [[0, 0, point, full, 0]])
    np.testing.assert_array_equal(
        table.by_op["macs"], [[0, 0, 4 * 16 + 16 * 4, 36 * 16 + 144 * 4, 0]]
    )
    block = 9 * 8 + 9 * 16 + 8
    assert table.fixed["params"] == (18 + 4) + (block + 16) + 8 + (4 * 3 + 3)
    assert table.fixed["macs"] == 18 * 16 + block * 4 + 4 * 3


def test_weights_of_the_network_are_what_is_counted():
    import jax

    network = CellNetwork(CellSpace("small", (4, 4, 1), 3, features=2, stages=2))
    weights = jax.eval_shape(network.init, jax.random.key(0))
    count = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(weights))
    table = network.cost_table()
    # All ops of all edges; normalisations have no arrays here.
    norms = 2 * (2 + 2 * 4 + 4) + 6 * 2 * 5 * 2 * (2 + 4)
    assert count + norms == table.all_ops()
