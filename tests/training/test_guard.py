"""Steps without finite numbers: left out, taken back at a lower rate, then the end."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import struct

from qnas_jax.data import epoch_order
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import ImageClassification
from qnas_jax.training import (
    Guard,
    NoFiniteStepError,
    Totals,
    Trouble,
    in_one_call,
    run_epochs,
)

STEPS, EPOCHS, IMAGES, RATE = 5, 3, 23, 0.5
TASK = ImageClassification(
    mean=np.float32([0.5]), std=np.float32([1]), input_shape=(1, 1, 1), num_outputs=2
)


@struct.dataclass
class State:
    params: jax.Array
    stats: jax.Array
    moments: object
    totals: Totals
    step: jax.Array


def optimizer_at(rate):
    return optax.sgd(lambda step: rate * RATE / (1.0 + step), momentum=0.5)


def start():
    params = jnp.float32([1.0, -2.0])
    moments = optimizer_at(1.0).init(params)
    step = jnp.zeros((), jnp.int32)
    return State(params, jnp.zeros(()), moments, Totals.zero(TASK), step)


def training(bad, *, where="gradient", gentle=-1.0):
    """A step function by the rate; steps of `bad` are not finite above a rate."""

    def step_at(rate):
        optimizer = optimizer_at(rate)

        def step(state, order):
            fails = jnp.isin(state.step, jnp.int32(bad)) & (rate > gentle)
            poison = jnp.where(fails, jnp.nan, 0.0)
            gradient = state.params * order[state.step % STEPS]
            loss = (state.params**2).sum() + (poison if where == "loss" else 0.0)
            gradient = gradient + (poison if where == "gradient" else 0.0)
            updates, moments = optimizer.update(gradient, state.moments)
            logits, targets = jnp.eye(2), jnp.int32([0, 1])
            return state.replace(
                params=state.params + updates,
                moments=moments,
                totals=state.totals.add(TASK, loss, logits, targets),
                step=state.step + 1,
            )

        return in_one_call(step)

    return step_at


def go(step_at, state=None, *, trouble=None, stop_at=(), rows=None, calls=1):
    said, counted = [], []
    guard = Guard(step_at, said.append, trouble or Trouble())

    def on_epoch(state, report):
        (rows if rows is not None else []).append((report.loss, report.row()))
        return state

    def stops():
        counted.append(1)
        return len(counted) in stop_at

    try:
        state = run_epochs(
            start() if state is None else state,
            guard.step_fn,
            key=jax.random.key(5),
            task=TASK,
            num_examples=IMAGES,
            steps_per_epoch=STEPS,
            epochs=EPOCHS,
            on_epoch=on_epoch,
            progress=lambda steps, total, label: steps,
            description="walk",
            should_stop=stops,
            steps_per_call=calls,
            guard=guard,
        )
    except Stopped as stop:
        return stop.state, guard, said, True
    return state, guard, said, False


def values(state):
    return [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(state)]


@pytest.mark.parametrize("where", ["loss", "gradient"])
@pytest.mark.parametrize("calls", [1, 4])
def test_a_step_that_fails_changes_nothing(where, calls):
    rows = []
    state, guard, said, _ = go(training([6], where=where), rows=rows, calls=calls)
    assert guard.trouble == Trouble(skipped=1)
    assert said == ["step 7 gives no finite numbers and is left out (1 so far)"]
    assert [row for _, row in rows] == [{}, {"skipped_steps": 1}, {"skipped_steps": 1}]
    assert np.isfinite([loss for loss, _ in rows]).all()

    key = jax.random.key(5)
    order = [np.asarray(epoch_order(key, epoch, IMAGES)) for epoch in range(EPOCHS)]
    params, momentum = np.float64([1.0, -2.0]), np.zeros(2)
    for step in range(STEPS * EPOCHS):
        if step == 6:  # by hand, without step 7
            continue
        momentum = 0.5 * momentum + params * order[step // STEPS][step % STEPS]
        params = params - RATE / (1.0 + step) * momentum
    np.testing.assert_allclose(state.params, params, rtol=1e-4)
    assert int(state.step) == STEPS * EPOCHS


def test_a_healthy_training_is_the_same_with_a_guard():
    state, guard, said, _ = go(training([]))
    assert (guard.trouble, said) == (Trouble(), [])
    plain, step_fn = start(), training([])(1.0)
    plain = run_epochs(
        plain,
        step_fn,
        key=jax.random.key(5),
        task=TASK,
        num_examples=IMAGES,
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        on_epoch=lambda state, report: state,
        progress=lambda steps, total, label: steps,
        description="walk",
        should_stop=lambda: False,
    )
    assert values(plain) == values(state)


def test_several_in_a_row_go_back_and_lower_the_rate():
    rows = []
    step_at = training(range(7, 99), gentle=0.05)
    state, guard, said, _ = go(step_at, rows=rows)
    assert guard.trouble == Trouble(skipped=0, lowered=2)
    assert np.isfinite(np.asarray(state.params)).all()
    assert said[0] == "step 8 gives no finite numbers and is left out (1 so far)"
    assert said[-1].startswith(
        "3 steps from step 8 on give no finite numbers: back to "
    )
    assert said[-1].endswith(
        "learning rate of 0.01 times that of the options from here on"
    )
    assert rows[-1][1] == {"rate": pytest.approx(0.01)}
    again, *_ = go(step_at, stop_at=())
    assert values(again) == values(state)


def test_no_rate_helps():
    with pytest.raises(NoFiniteStepError) as caught:
        go(training(range(7, 99)))
    assert int(caught.value.state.step) == 7
    with pytest.raises(NoFiniteStepError):
        go(training([]), start().replace(params=jnp.float32([jnp.nan, 1.0])))


@pytest.mark.parametrize("stop", [1, 5, 6, 7, 8, 9, 10, 12])
@pytest.mark.parametrize("bad", [(8, 9), (7, 8, 9)])
def test_a_stop_changes_nothing(bad, stop):
    step_at = training(bad, gentle=0.5)
    expected, whole, _, _ = go(step_at)
    state, guard, _, stopped = go(step_at, stop_at={stop})
    assert stopped and np.isfinite(np.asarray(state.params)).all()
    state, guard, _, _ = go(step_at, state, trouble=guard.trouble)
    assert values(state) == values(expected)
    assert guard.trouble == whole.trouble


def test_fewer_steps_a_call_where_memory_runs_out():
    """With XLA's own error, of an allocation that no machine has room for."""
    counts = []

    def step_at(rate):
        step = training([])(rate)

        def limited(state, order, count=1):
            counts.append(int(count))
            if int(count) > 1:
                state.params.delete()  # donated, and lost
                jnp.zeros(2**50).block_until_ready()
            return step(state, order, count)

        return limited

    expected, *_ = go(training([]))
    state, _, said, _ = go(step_at, calls=5)
    assert values(state) == values(expected)
    assert counts == [5, 2] + [1] * STEPS * EPOCHS
    assert said == [
        "out of memory with 5 steps a call, from now on 2",
        "out of memory with 2 steps a call, from now on 1",
    ]
