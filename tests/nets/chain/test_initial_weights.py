"""The distribution of a supernet's initial weights."""

import jax
import numpy as np
import pytest
from flax import nnx

from qnas_jax.nets import build_supernet
from qnas_jax.spaces import NetworkSpace, chain, fixed, op


def test_initial_weights(tiny_space):
    """Stated distribution for each array, zeros behind, other keys other weights."""
    supernet = build_supernet(tiny_space)
    params, stats = supernet.init(jax.random.key(3))
    again, _ = supernet.init(jax.random.key(3))
    other, _ = supernet.init(jax.random.key(4))
    jax.tree.map(np.testing.assert_array_equal, again, params)
    assert not np.array_equal(other["layers"][0], params["layers"][0])
    sizes = build_supernet(tiny_space).cost_table().by_op["params"]
    for layer, matrix in enumerate(params["layers"]):
        for index, row in enumerate(matrix):
            assert np.all(row[sizes[layer, index] :] == 0)
    subnet = supernet.cut(params, stats, [0, 1, 0])
    for path, variable in nnx.to_flat_state(nnx.state(subnet)):
        value = np.asarray(variable[...])
        if path[-1] in ("scale", "var"):
            assert np.all(value == 1)
        elif path[-1] in ("bias", "mean", "squeeze_bias", "excite_bias"):
            assert np.all(value == 0)
        else:
            assert path[-1] == "kernel" and np.unique(value).size == value.size


@pytest.fixture(scope="module")
def wide():
    """Two equal layers of two equal ops, wide enough for statistics."""
    block = {"kernel": 3, "expansion": 4, "attention": "se"}
    ops = (op("one", "mbconv", **block), op("two", "mbconv", **block))
    space = NetworkSpace(
        name="wide",
        layers=chain(48, [(48, 1)] * 2, ops),
        stem=(fixed(3, 48, 1, "conv", kernel=3),),
        head=(fixed(48, 48, 1, "global_average"), fixed(48, 10, 1, "classifier")),
        input_shape=(8, 8, 3),
        num_classes=10,
    )
    supernet = build_supernet(space)
    return supernet, *supernet.init(jax.random.key(0))


def test_spread_of_initial_weights(wide):
    """He et al. 2015 by fan-out, k * k * C_out; the classifier 0.01."""
    supernet, params, stats = wide
    subnet = supernet.cut(params, stats, [0, 1])
    layer = subnet.layers[1]
    expected = [
        (subnet.stem[0].conv, (2 / (9 * 48)) ** 0.5),
        (layer.expand, (2 / 192) ** 0.5),
        (layer.depthwise, (2 / (9 * 192)) ** 0.5),
        (layer.attention.squeeze, (2 / 48) ** 0.5),
        (layer.attention.excite, (2 / 192) ** 0.5),
        (layer.project, (2 / 48) ** 0.5),
        (subnet.head[1], 0.01),
    ]
    for module, spread in expected:
        values = np.asarray(module.kernel[...]).ravel()
        error = spread / np.sqrt(2 * values.size)
        assert abs(values.std() - spread) < 4 * error
        assert abs(values.mean()) < 4 * spread / np.sqrt(values.size)


def test_rows_of_different_ops_are_drawn_independently(wide):
    rows = np.concatenate(wide[1]["layers"])
    drawn = rows[:, np.ptp(rows, axis=0) > 0]  # not the constant scales and offsets
    assert len(rows) == 4 and drawn.shape[1] > 30_000
    correlation = np.corrcoef(drawn) - np.eye(4)
    assert np.abs(correlation).max() < 5 / np.sqrt(drawn.shape[1])
