"""Stand-alone training: updates, moving average, choice of the epoch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from qnas_jax.data import epoch_order
from qnas_jax.nets import ChainSubnet, set_mode
from qnas_jax.tasks import ImageTraining
from qnas_jax.training import (
    RetrainOptions,
    StandaloneModel,
    TrainingBatches,
    initial_retrain_state,
    keep_best,
    make_optimizer,
    make_retrain_step,
    run_epochs,
)

BATCH = 8
ARCH = (1, 0)


@pytest.fixture(scope="module")
def build(space, train, task):
    """A model, its first state and its step function."""

    def build(smoothing=0.1, **options):
        options = RetrainOptions(
            **{"batch_size": BATCH, "epochs": 2, "schedule": "constant", **options}
        )
        subnet = ChainSubnet(space, ARCH, rngs=nnx.Rngs(jax.random.key(3)))
        model = StandaloneModel(subnet)
        optimizer = make_optimizer(options, 3)
        state = initial_retrain_state(model, task, optimizer)
        learnt = task.with_options(ImageTraining(label_smoothing=smoothing))
        batches = TrainingBatches.of(train, learnt, BATCH)
        step_fn = make_retrain_step(
            model, optimizer, options, batches, jax.random.key(4)
        )
        return model, state, step_fn

    return build


def copy(tree):
    """Plain arrays that survive donation."""
    pure = nnx.to_pure_dict(tree) if isinstance(tree, nnx.State) else tree
    return jax.tree.map(np.array, pure)


def assert_close(found, expected, atol):
    found, expected = copy(found), copy(expected)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=0)


def weights(state):
    return {"params": copy(state.params), "stats": copy(state.stats)}


def pair(tree):
    return {"params": copy(tree[0]), "stats": copy(tree[1])}


@pytest.mark.slow
def test_steps_equal_a_plain_training_loop(build, space, train, task):
    options = {"learning_rate": 0.2, "weight_decay": 0.1, "smoothing": 0.0}
    _, state, step_fn = build(**options)
    subnet = ChainSubnet(space, ARCH, rngs=nnx.Rngs(jax.random.key(3)))
    set_mode(subnet, "train")
    graph, params, stats = nnx.split(subnet, nnx.Param, nnx.BatchStat)
    optimizer = optax.chain(
        optax.add_decayed_weights(0.1), optax.sgd(0.2, momentum=0.9)
    )
    moments = optimizer.init(params)

    @jax.jit
    def plain_step(params, stats, moments, images, labels):
        def loss_fn(params):
            model = nnx.merge(graph, params, jax.tree.map(jnp.asarray, stats))
            log_probs = jax.nn.log_softmax(model(images))
            new_stats = nnx.state(model, nnx.BatchStat)
            return -log_probs[jnp.arange(BATCH), labels].mean(), new_stats

        gradient, new_stats = jax.grad(loss_fn, has_aux=True)(params)
        update, new_moments = optimizer.update(gradient, moments, params)
        return optax.apply_updates(params, update), new_stats, new_moments

    order = epoch_order(jax.random.key(0), 0, len(train))
    for step in range(3):
        chosen = np.asarray(order)[step * BATCH : (step + 1) * BATCH]
        images = task.prepare(jnp.asarray(train.inputs[chosen]))
        labels = jnp.asarray(train.targets[chosen])
        params, stats, moments = plain_step(params, stats, moments, images, labels)
        state = step_fn(state, order)
    assert_close(state.params, params, 1e-5)
    assert_close(state.stats, stats, 1e-5)


@pytest.fixture(scope="module")
def histories(build, train):
    """By decay: weights and averages before the first and after each of four steps."""
    found = {}
    for decay in (0.0, 0.25):
        _, state, step_fn = build(ema_decay=decay)
        order = epoch_order(jax.random.key(0), 0, len(train))
        found[decay] = [(weights(state), pair(state.average))]
        for _ in range(4):
            state = step_fn(state, order)
            found[decay].append((weights(state), pair(state.average)))
    return found


def test_moving_average_by_hand(histories):
    found = histories[0.25]
    # (1 + t) / (10 + t) while it is below 0.25: 1/10, 2/11, 3/12, then 0.25.
    expected = found[0][0]
    for step, rate in enumerate([0.1, 0.181818, 0.25, 0.25], start=1):
        expected = jax.tree.map(
            lambda a, b, rate=rate: rate * a + (1 - rate) * b, expected, found[step][0]
        )
        assert_close(found[step][1], expected, 1e-5)
    away = jax.tree.map(lambda a, b: abs(a - b).max(), found[4][1], found[4][0])
    assert max(jax.tree.leaves(away)) > 1e-4


def test_average_equals_the_weights_if_switched_off(histories):
    for trained, average in histories[0.0]:
        assert_close(average, trained, 0)


def test_average_does_not_change_the_training(histories):
    for on, off in zip(histories[0.25], histories[0.0], strict=True):
        assert_close(on[0], off[0], 0)


def test_best_epoch_is_that_of_the_best_validation(build, train, task):
    _, state, step_fn = build(ema_decay=0.5, learning_rate=0.3)
    accuracies = [0.3, 0.7, float("nan"), 0.7, 0.5]
    averages = []

    def on_epoch(state, report):
        averages.append(pair(state.average))
        return keep_best(state, float(np.float32(accuracies[report.epoch - 1])))

    state = run_epochs(
        state,
        step_fn,
        key=jax.random.key(0),
        task=task,
        num_examples=len(train),
        steps_per_epoch=3,
        epochs=5,
        on_epoch=on_epoch,
        progress=lambda steps, total, label: steps,
        description="tiny",
        should_stop=lambda: False,
    )
    assert float(state.best_score) == np.float32(0.7)
    # The earlier one of equals; later steps, which donate the state, leave it alone.
    assert_close(pair(state.best), averages[1], 0)
    moved = jax.tree.map(lambda a, b: abs(a - b).max(), averages[1], averages[3])
    assert max(jax.tree.leaves(moved)) > 1e-3


def test_any_score_beats_no_validation(build):
    _, state, _ = build()
    assert float(keep_best(state, -3.0).best_score) == -3.0
    assert keep_best(state, float("nan")) is state


def test_prediction_uses_the_running_statistics(build, space, train, task):
    model, state, _ = build(drop_path=0.5)
    subnet = ChainSubnet(space, ARCH, rngs=nnx.Rngs(jax.random.key(3)))
    set_mode(subnet, "running")
    images = task.prepare(jnp.asarray(train.inputs[:5]))
    expected = jax.jit(subnet.__call__)(images)
    found = jax.jit(model.predict)(state.params, state.stats, images)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    alone = jax.jit(model.predict)(state.params, state.stats, images[2:3])
    np.testing.assert_allclose(alone, expected[2:3], atol=1e-5)


def test_results_do_not_depend_on_the_steps_of_a_call(build, train):
    _, start, step_fn = build(drop_path=0.5, ema_decay=0.5)
    order = epoch_order(jax.random.key(0), 0, len(train))
    found = {}
    for calls in ([1, 1, 1], [2, 1], [3]):
        state = jax.tree.map(jnp.copy, start)
        # Compiled by the first call, later ones copy nothing between host and device.
        with jax.transfer_guard("disallow" if found else "allow"):
            for count in calls:
                state = step_fn(state, order, count)
        assert int(state.step) == 3
        found[len(calls)] = jax.tree.map(np.array, jax.tree.leaves(state))
    for other in (found[2], found[1]):
        jax.tree.map(np.testing.assert_array_equal, other, found[3])


def test_drop_path_is_drawn_anew_at_each_step(build, train):
    order = epoch_order(jax.random.key(0), 0, len(train))
    found = {}
    for rate in (0.0, 0.9):
        _, state, step_fn = build(drop_path=rate)
        losses = []
        for step in (0, 0, 3):  # step 3 has the batch of step 0
            start = jax.tree.map(jnp.copy, state).replace(step=jnp.int32(step))
            losses.append(float(step_fn(start, order).totals.loss))
        found[rate] = losses
    assert found[0.0][0] == found[0.0][1] == found[0.0][2]
    assert found[0.9][0] == found[0.9][1] != found[0.9][2]
    assert found[0.0][0] != found[0.9][0]
