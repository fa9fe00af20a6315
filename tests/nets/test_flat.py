"""Rows: an op taken apart, laid flat and run again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.nets import MODES, build_op, set_mode
from qnas_jax.nets.build import abstract_op
from qnas_jax.nets.flat import flatten_state, template_of
from qnas_jax.spaces import Layer, op

LAYER = Layer(4, 4, 1, (op("mb", "mbconv", expansion=2, attention="se"),))
EMPTY = Layer(4, 4, 1, (op("skip", "skip"),))


@pytest.fixture
def module(randomise):
    built = build_op(LAYER, 0, nnx.Rngs(0))
    nnx.update(built, randomise(nnx.state(built)))
    return built


def test_a_row_holds_all_values_once_and_zeros_behind(module):
    template = template_of(module, "mb")
    params = nnx.state(module, nnx.Param)
    row = flatten_state(params, template.params.size + 7)
    assert np.all(row[-7:] == 0)
    values = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])
    np.testing.assert_array_equal(np.sort(row[:-7]), np.sort(values))
    back = template.params.unflatten(row)
    jax.tree.map(np.testing.assert_array_equal, back, params)


def test_shapes_are_enough_for_a_template(module):
    abstract = template_of(abstract_op(LAYER, 0), "mb")
    concrete = template_of(module, "mb")
    assert abstract.params.shapes == concrete.params.shapes
    assert abstract.params.treedef == concrete.params.treedef
    assert abstract.stats.shapes == concrete.stats.shapes


@pytest.mark.parametrize("mode", MODES)
def test_a_template_runs_as_its_module(module, mode):
    template = template_of(module, "mb")
    params = flatten_state(nnx.state(module, nnx.Param), 300)
    stats = flatten_state(nnx.state(module, nnx.BatchStat), 100)
    images = jax.random.normal(jax.random.key(0), (3, 5, 5, 4))
    output, new_stats = template.apply(mode, params, stats, images)
    set_mode(module, mode)
    np.testing.assert_allclose(output, module(images), rtol=1e-6, atol=1e-6)
    wanted = flatten_state(nnx.state(module, nnx.BatchStat), 100)
    assert new_stats.shape == (100,)
    np.testing.assert_allclose(new_stats, wanted, rtol=1e-6, atol=1e-6)
    assert np.array_equal(new_stats, stats) == (mode == "running")


def test_an_op_without_arrays_is_an_empty_row():
    template = template_of(abstract_op(EMPTY, 0), "skip")
    assert template.params.size == template.stats.size == 0
    images = jnp.ones((1, 2, 2, 4))
    output, stats = template.apply("train", jnp.zeros(3), jnp.zeros(1), images)
    np.testing.assert_array_equal(output, images)
    np.testing.assert_array_equal(stats, [0])
    assert flatten_state({}, 3).tolist() == [0, 0, 0]
