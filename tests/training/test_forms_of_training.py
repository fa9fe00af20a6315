"""Strictly fair steps are the same in each form: path after path, or all together."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import epoch_order
from qnas_jax.nets import build_supernet
from qnas_jax.training import SupernetOptions, make_sampler

OPTIONS = {"batch_size": 8, "epochs": 2, "learning_rate": 0.1, "clip_norm": 1.0}
TOLERANCE = 2e-5  # of values around 1, after two steps


@pytest.mark.slow
def test_padded_steps_equal_those_that_switch(space, train, build_training):
    """With two ops in each layer, so that each op may also run once."""
    layers = tuple(
        dataclasses.replace(layer, ops=layer.ops[:2]) for layer in space.layers
    )
    space = dataclasses.replace(space, layers=layers)
    options = SupernetOptions(sampler="strict_fair", **OPTIONS)
    costs = build_supernet(space).cost_table()
    sampler = make_sampler(options, space, costs)
    assert sampler.once and sampler.num_paths == 2
    order = epoch_order(jax.random.key(0), 0, len(train))

    def steps(form, once):
        training = build_training(
            options,
            dataclasses.replace(sampler, once=once),
            supernet=build_supernet(space, form),
        )
        training.state.params["fixed"][-1] *= 50  # a classifier far from its start
        start = jax.tree.map(jnp.copy, training.state)
        training.step_fn(training.state, order, 2)
        # Compiled, neither form copies anything between host and device.
        with jax.transfer_guard("disallow"):
            return training.step_fn(start, order, 2)

    expected = jax.tree.leaves(steps("switch", once=True))
    for once in (True, False):
        state = steps("padded", once)
        assert float(state.totals.examples) == 2 * 8 * sampler.num_paths
        for one, other in zip(jax.tree.leaves(state), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=TOLERANCE)
