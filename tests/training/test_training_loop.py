"""The epoch loop: order, reports, and stopping after any step."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from qnas_jax.data import epoch_order
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import ImageClassification
from qnas_jax.training import (
    NonFiniteLossError,
    Totals,
    in_one_call,
    run_epochs,
    steps_in_a_call,
)

STEPS, EPOCHS, IMAGES = 3, 4, 20
TASK = ImageClassification(
    mean=np.float32([0.5]), std=np.float32([1]), input_shape=(1, 1, 1), num_outputs=2
)


@struct.dataclass
class Walk:
    """A training of nothing: `path` mixes all orders and steps seen."""

    path: jax.Array
    reported: jax.Array
    totals: Totals
    step: jax.Array


def beginning():
    # Arrays of their own, as they are donated.
    path, reported, step = (jnp.zeros((), jnp.int32) for _ in range(3))
    return Walk(path=path, reported=reported, totals=Totals.zero(TASK), step=step)


def one_step(state, order):
    seen = order[state.step % STEPS] + state.step
    totals = state.totals.add(
        TASK,
        1.0 + state.step,
        jnp.eye(2)[jnp.int32([0, 1, 1, 0])],
        jnp.int32([0, 0, 1, 0]),
    )
    return state.replace(
        path=state.path * 31 + seen, totals=totals, step=state.step + 1
    )


walk = in_one_call(one_step)


def go(
    state,
    *,
    stop_at=(),
    step_fn=walk,
    rows=None,
    seen=None,
    calls=None,
    steps_per_call=1,
):
    """Runs to the end, or until one of the steps of `stop_at`."""
    rows = [] if rows is None else rows
    current = [int(state.step)]

    def step(state, order, count):
        current[0] += int(count)
        if seen is not None:
            seen.append((np.array(order), int(count)))
        return step_fn(state, order, count)

    def on_epoch(state, report):
        assert report.step == int(state.step) == report.epoch * STEPS
        rows.append((report.epoch, report.step, report.loss, report.metrics))
        assert float(state.totals.examples) == 0
        return state.replace(reported=state.reported * 7 + report.epoch)

    return run_epochs(
        state,
        step,
        key=jax.random.key(5),
        task=TASK,
        num_examples=IMAGES,
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        on_epoch=on_epoch,
        progress=lambda steps, total, label: steps,
        description="walk",
        should_stop=lambda: current[0] in stop_at,
        steps_per_call=steps_per_call,
        on_call=lambda state, step: (
            None if calls is None else calls.append((step, values(state)))
        ),
    )


def values(state):
    return [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(state)]


def test_totals_by_hand():
    logits = jnp.float32([[1, 0], [0, 1], [3, 2]])
    totals = Totals.zero(TASK).add(TASK, jnp.float32(0.5), logits, jnp.int32([0, 0, 0]))
    totals = totals.add(TASK, jnp.float32(2.0), logits[:1], jnp.int32([1]))
    assert values(totals) == [0.5 * 3 + 2.0, 2.0, 4.0]


def test_any_state_between_two_calls_is_one_to_go_on_from():
    calls = []
    whole = values(go(beginning(), calls=calls))
    assert [step for step, _ in calls] == list(range(1, 13))
    form = jax.tree.structure(beginning())
    for step, leaves in calls[:-1]:
        state = jax.tree.map(
            lambda start, leaf: jnp.asarray(leaf, start.dtype),
            beginning(),
            jax.tree.unflatten(form, leaves),
        )
        assert int(state.step) == step and values(go(state)) == whole
    calls.clear()
    go(beginning(), calls=calls, steps_per_call=2)
    assert [step for step, _ in calls] == [2, 3, 5, 6, 8, 9, 11, 12]


def test_reports_hold_the_means_of_their_epoch():
    rows = []
    state = go(beginning(), rows=rows)
    assert [row[:2] for row in rows] == [(1, 3), (2, 6), (3, 9), (4, 12)]
    assert [row[2] for row in rows] == [2.0, 5.0, 8.0, 11.0]
    assert [row[3] for row in rows] == [{"accuracy": 0.75}] * 4
    assert int(state.step) == 12


def test_each_epoch_has_its_own_order():
    seen = []
    go(beginning(), seen=seen)
    assert len(seen) == 12
    for step, (order, count) in enumerate(seen):
        assert count == 1
        expected = epoch_order(jax.random.key(5), step // STEPS, IMAGES)
        np.testing.assert_array_equal(order, expected)


@pytest.mark.parametrize("stop", range(1, STEPS * EPOCHS + 1))
def test_stopped_after_any_step_and_resumed_equals_uninterrupted(stop):
    rows = []
    expected = go(beginning(), rows=rows)
    first = []
    with pytest.raises(Stopped) as caught:
        go(beginning(), stop_at={stop}, rows=first)
    state = caught.value.state
    assert int(state.step) == stop
    # An epoch that is finished is reported before the loop stops.
    assert first == rows[: stop // STEPS]
    resumed = go(state, rows=first)
    assert values(resumed) == values(expected)
    assert first == rows


def test_a_finished_run_has_nothing_to_do():
    state = go(beginning())
    rows = []
    assert values(go(state, rows=rows)) == values(state)
    assert rows == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_loss_that_is_not_finite_is_an_error(bad):
    def step_fn(state, order, count):
        state = walk(state, order, count)
        if int(state.step) == STEPS + 1:
            logits, labels = jnp.zeros((1, 2)), jnp.zeros(1, jnp.int32)
            return state.replace(totals=state.totals.add(TASK, bad, logits, labels))
        return state

    rows = []
    with pytest.raises(
        NonFiniteLossError, match=f"walk: the mean loss of epoch 2 is {bad}; try a"
    ):
        go(beginning(), step_fn=step_fn, rows=rows)
    assert [row[0] for row in rows] == [1]


@pytest.mark.parametrize(
    ("steps_per_call", "first", "counts"),
    [(2, 0, [2, 1] * 4), (3, 0, [3] * 4), (50, 0, [3] * 4), (2, 4, [2, 2, 1, 2, 1])],
)
def test_calls_of_several_steps_end_with_the_epoch(steps_per_call, first, counts):
    rows, seen, expected_rows = [], [], []
    expected = go(beginning(), rows=expected_rows)
    start = beginning()
    if first:
        with pytest.raises(Stopped) as caught:
            go(start, stop_at={first}, rows=rows)
        start = caught.value.state
    state = go(start, rows=rows, seen=seen, steps_per_call=steps_per_call)
    assert [count for _, count in seen] == counts
    assert values(state) == values(expected)
    assert rows == expected_rows


def test_nothing_passes_between_host_and_device_within_an_epoch():
    """But for what is copied explicitly: the number of steps, and the means at its end.

    The first run compiles, which may copy constants.
    """
    task = jax.tree.map(jnp.asarray, TASK)

    def run():
        return run_epochs(
            start,
            walk,
            key=key,
            task=task,
            num_examples=IMAGES,
            steps_per_epoch=STEPS,
            epochs=EPOCHS,
            on_epoch=lambda state, report: state,
            progress=lambda steps, total, label: steps,
            description="walk",
            should_stop=lambda: False,
            steps_per_call=2,
        )

    key, start = jax.random.key(5), beginning()
    expected = values(run())
    start = beginning()
    with jax.transfer_guard("disallow"):
        state = run()
    assert values(state) == expected


def test_calls_are_long_where_the_host_would_be_waited_for(monkeypatch):
    assert (steps_in_a_call(0), steps_in_a_call(7)) == (1, 7)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert (steps_in_a_call(0), steps_in_a_call(7)) == (32, 7)
