"""The walk through a population visits each distinct prefix once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.nets.visiting import visiting_order

RANDOM = np.random.default_rng(0)
POPULATIONS = {
    "one": [[2, 1, 0]],
    "equal": [[1, 1], [1, 1], [1, 1]],
    "by hand": [[1, 0, 2], [0, 5, 1], [1, 0, 2], [1, 0, 1], [0, 4, 1]],
    "zeros": [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
    "random": RANDOM.integers(0, 3, (50, 4)).tolist(),
}


@pytest.mark.parametrize("name", POPULATIONS)
def test_order(name):
    archs = np.array(POPULATIONS[name], np.int32)
    order = jax.jit(visiting_order)(jnp.asarray(archs))
    distinct = np.unique(archs, axis=0)
    count = int(order.count)
    assert count == len(distinct)
    np.testing.assert_array_equal(order.archs[:count], distinct)
    np.testing.assert_array_equal(np.asarray(order.archs)[order.place], archs)
    assert np.all(np.asarray(order.place) < count)
    assert order.first_layer[0] == 0
    for place in range(1, count):
        differs = np.flatnonzero(distinct[place] != distinct[place - 1])
        assert order.first_layer[place] == differs[0]


@pytest.mark.parametrize("name", POPULATIONS)
def test_each_prefix_is_computed_once(name):
    archs = np.array(POPULATIONS[name], np.int32)
    order = visiting_order(jnp.asarray(archs))
    layers = archs.shape[1]
    computed = sum(layers - int(f) for f in order.first_layer[: int(order.count)])
    prefixes = {
        tuple(arch[:length]) for arch in archs for length in range(1, layers + 1)
    }
    assert computed == len(prefixes)
