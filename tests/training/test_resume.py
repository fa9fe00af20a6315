"""A training that is stopped again and again equals one that never was."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from qnas_jax.data import on_device
from qnas_jax.evaluation import measure as measure_on
from qnas_jax.nets import ChainSubnet, build_supernet
from qnas_jax.runs import Checkpoints
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import ImageTraining
from qnas_jax.training import (
    RetrainOptions,
    StandaloneModel,
    SupernetOptions,
    TrainingBatches,
    initial_retrain_state,
    initial_supernet_state,
    keep_best,
    make_optimizer,
    make_retrain_step,
    make_sampler,
    make_supernet_step,
    merge_pool,
    run_epochs,
)

STEPS, EPOCHS = 3, 2
# In the middle of an epoch, and at its end; the loop's test stops after every step.
STOPS = (1, 3)
SHARED = {
    "epochs": EPOCHS,
    "batch_size": 8,
    "warmup_epochs": 0.5,
    "clip_norm": 2.0,
}


def learnt(task):
    return task.with_options(ImageTraining(cutout=3))


def go(task, state, step_fn, on_epoch, stop_at):
    """Runs until a step, or to the end."""
    current = [int(state.step)]

    def counted(state, order, count):
        current[0] += int(count)
        return step_fn(state, order, count)

    return run_epochs(
        state,
        counted,
        key=jax.random.key(11),
        task=task,
        num_examples=25,
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        on_epoch=on_epoch,
        progress=lambda steps, total, label: steps,
        description="tiny",
        should_stop=lambda: current[0] == stop_at,
    )


def run_with_stops(path, task, build, stops):
    """Trains; at each stop all objects are thrown away but the checkpoint."""
    for stop in (*stops, None):
        state, step_fn, on_epoch = build()
        checkpoints = Checkpoints(path)
        try:
            saved = checkpoints.restore(state)
            state = state if saved is None else saved.state
            state = go(task, state, step_fn, on_epoch, stop)
        except Stopped as stopped:
            assert int(stopped.state.step) == stop
            checkpoints.save(stopped.state)
        finally:
            checkpoints.close()
    return state


def assert_equal(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def supernet_builder(space, train, task):
    def build():
        supernet = build_supernet(space)
        options = SupernetOptions(pool_share=0.5, pool_size=2, **SHARED)
        optimizer = make_optimizer(options, STEPS)
        step_fn = make_supernet_step(
            supernet,
            optimizer,
            make_sampler(options, space, supernet.cost_table()),
            TrainingBatches.of(train, learnt(task), options.batch_size),
            jax.random.key(1),
        )

        def on_epoch(state, report):
            # Scores that tell the pools of different weights apart.
            score = float(jnp.abs(state.params["fixed"][0]).sum())
            archs = np.array([[report.epoch % 3, 1], [2, 0]])
            sampler = merge_pool(state.sampler, archs, np.array([score, 0.1]))
            return state.replace(sampler=sampler, pool_share=jnp.float32(0.5))

        state = initial_supernet_state(
            supernet, task, optimizer, options.pool_size, jax.random.key(2)
        )
        return state, step_fn, on_epoch

    return build


def retrain_builder(space, train, task):
    def build():
        rngs = nnx.Rngs(jax.random.key(3))
        model = StandaloneModel(ChainSubnet(space, (1, 0), rngs=rngs))
        options = RetrainOptions(drop_path=0.3, ema_decay=0.6, **SHARED)
        optimizer = make_optimizer(options, STEPS)
        batches = TrainingBatches.of(train, learnt(task), options.batch_size)
        step_fn = make_retrain_step(
            model, optimizer, options, batches, jax.random.key(4)
        )

        @jax.jit
        def measure(weights):
            run = functools.partial(model.predict, *weights)
            return measure_on(task, run, *on_device(train), 10)

        def on_epoch(state, report):
            # The loss moves at each epoch, other than the accuracy of few images.
            loss = measure(state.average)["loss"]
            return keep_best(state, 1 / (1 + float(loss)))

        return initial_retrain_state(model, task, optimizer), step_fn, on_epoch

    return build


@pytest.mark.slow
@pytest.mark.parametrize("builder", [supernet_builder, retrain_builder])
def test_stops_change_nothing(builder, space, train, task, tmp_path):
    build = builder(space, train, task)
    state, step_fn, on_epoch = build()
    start = jax.tree.map(np.array, jax.tree.leaves(state))
    expected = go(task, state, step_fn, on_epoch, None)
    assert int(expected.step) == STEPS * EPOCHS
    moved = [
        (one != np.asarray(other)).any()
        for one, other in zip(start, jax.tree.leaves(expected), strict=True)
    ]
    assert np.mean(moved) > 0.5
    assert_equal(run_with_stops(tmp_path / "run", task, build, STOPS), expected)
