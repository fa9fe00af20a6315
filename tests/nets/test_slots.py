"""Rows of a supernet's weights: reading and writing those of a path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.nets import put_path, take_path


def coded_slots(num_ops=(3, 1, 4), width=5):
    """Rows whose values tell layer, op and column."""
    layers = [
        1000.0 * layer + 100 * jnp.arange(k)[:, None] + jnp.arange(width)[None]
        for layer, k in enumerate(num_ops)
    ]
    return {"fixed": [jnp.arange(2.0)], "layers": layers}


def test_gather_reads_the_chosen_rows():
    path = jax.jit(take_path)(coded_slots(), jnp.array([2, 0, 3]))
    assert [row[0].item() for row in path["layers"]] == [200.0, 1000.0, 2300.0]
    for row in path["layers"]:
        np.testing.assert_array_equal(row, row[0] + np.arange(5))
    np.testing.assert_array_equal(path["fixed"][0], [0, 1])


@pytest.mark.parametrize("arch", [(0, 0, 0), (2, 0, 1), (1, 0, 3), (2, 0, 3)])
def test_scatter_writes_the_chosen_rows_and_no_other(arch):
    slots = coded_slots()
    path = {
        "fixed": [jnp.array([7.0, 8.0])],
        "layers": [jnp.full(5, -float(layer) - 1) for layer in range(3)],
    }
    after = jax.jit(put_path)(slots, jnp.array(arch), path)
    np.testing.assert_array_equal(after["fixed"][0], [7, 8])
    for layer, (old, new) in enumerate(
        zip(slots["layers"], after["layers"], strict=True)
    ):
        expected = np.array(old)
        expected[arch[layer]] = -layer - 1
        np.testing.assert_array_equal(new, expected)
