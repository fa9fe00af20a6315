"""Strictly fair steps of a padded supernet are those of one that switches."""

import dataclasses

import jax
import numpy as np
import pytest

from qnas_jax.data import epoch_order
from qnas_jax.nets import build_supernet
from qnas_jax.training import SupernetOptions, make_sampler

PLAIN = {"batch_size": 8, "epochs": 2, "learning_rate": 0.1, "clip_norm": 1.0}
TOLERANCE = 2e-5  # of values around 1, after two steps


@pytest.fixture(scope="module")
def even_space(space):
    """Two ops in each of two layers."""
    layers = tuple(
        dataclasses.replace(layer, ops=layer.ops[:2]) for layer in space.layers
    )
    return dataclasses.replace(space, layers=layers)


def steps(build_training, supernet, train):
    """The sampler, and the state after two steps in one call."""
    options = SupernetOptions(sampler="strict_fair", **PLAIN)
    made = make_sampler("strict_fair", supernet.space.num_ops)
    training = build_training(options, made, supernet=supernet)
    training.state.params["fixed"][-1] *= 50  # a classifier far from its start
    order = epoch_order(jax.random.key(0), 0, len(train))
    return made, training.step_fn(training.state, order, 2)


def assert_close(found, expected):
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("even", [False, True])
def test_padded_steps_equal_those_that_switch(
    even, space, even_space, train, build_training
):
    chosen = even_space if even else space
    states = {}
    for form in ("switch", "padded"):
        supernet = build_supernet(chosen, form)
        made, states[form] = steps(build_training, supernet, train)
        assert made.once == even
    assert_close(states["padded"], states["switch"])
    paths = 2 if even else 3
    assert float(states["padded"].totals.examples) == 2 * 8 * paths
