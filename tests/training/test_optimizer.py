"""Schedules by hand; SGD and Adam against the published rules of PyTorch in NumPy."""

import math

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qnas_jax.options import OptionError
from qnas_jax.training import (
    SupernetOptions,
    TrainingOptions,
    make_optimizer,
    make_schedule,
)


def rates(steps, **options):
    schedule = make_schedule(TrainingOptions(learning_rate=0.1, **options), 5)
    return [float(schedule(jnp.int32(step))) for step in steps]


def test_cosine_by_hand():
    found = rates([0, 5, 10, 15, 20], schedule="cosine", epochs=4)
    assert found == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447, 0.0], abs=1e-7)


def test_step_by_hand():
    options = {"schedule": "step", "epochs": 8, "decay_every": 2.0, "decay_rate": 0.5}
    found = rates([0, 9, 10, 19, 20, 39], **options)
    assert found == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.0125])
    never = rates([0, 39], schedule="step", epochs=8, decay_every=0.0)
    assert never == pytest.approx([0.1, 0.1])


def test_constant_by_hand():
    assert rates([0, 7, 99], schedule="constant", epochs=4) == pytest.approx([0.1] * 3)


def test_warm_up_by_hand():
    found = rates([0, 1, 5, 10, 15, 20], epochs=4, warmup_epochs=2.0)
    assert found == pytest.approx([0.0, 0.01, 0.05, 0.1, 0.05, 0.0], abs=1e-7)
    found = rates([0, 1, 2, 3], epochs=4, schedule="constant", warmup_epochs=0.4)
    assert found == pytest.approx([0.0, 0.05, 0.1, 0.1])
    # Warm-up for the whole training: the peak comes with the last step.
    assert rates([10, 20], epochs=4, warmup_epochs=9.0) == pytest.approx([0.05, 0.1])


@pytest.mark.parametrize("warmup", [0.0, 1.5])
@pytest.mark.parametrize("name", ["cosine", "step", "constant"])
def test_schedules_equal_plain_python(name, warmup):
    options = TrainingOptions(
        epochs=6,
        schedule=name,
        learning_rate=0.3,
        warmup_epochs=warmup,
        decay_every=1.4,
        decay_rate=0.7,
    )
    schedule = make_schedule(options, 10)
    rise = round(warmup * 10)
    for step in range(60):
        if step < rise:
            expected = 0.3 * step / rise
        elif name == "cosine":
            turn = math.pi * (step - rise) / (60 - rise)
            expected = 0.3 * (1 + math.cos(turn)) / 2
        elif name == "step":
            expected = 0.3 * 0.7 ** ((step - rise) // 14)
        else:
            expected = 0.3
        assert float(schedule(step)) == pytest.approx(expected, abs=1e-6), step


def test_sgd_by_hand():
    options = TrainingOptions(
        learning_rate=0.1, schedule="constant", momentum=0.5, weight_decay=0.2
    )
    optimizer = make_optimizer(options, 10)
    weight = jnp.float32([1.0])
    moments = optimizer.init(weight)
    found = []
    for gradient in (1.0, 1.0, 0.0):
        step, moments = optimizer.update(jnp.float32([gradient]), moments, weight)
        weight = optax.apply_updates(weight, step)
        found.append(float(weight[0]))
    # g + 0.2 w: 1.2, 1.176, 0.14048; buffer: 1.2, 1.776, 1.02848.
    assert found == pytest.approx([0.88, 0.7024, 0.599552], abs=1e-6)


def clipped(gradients, limit):
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
    factor = min(1.0, limit / norm) if limit else 1.0
    return [g * factor for g in gradients]


@pytest.mark.parametrize("clip", [0.0, 1.5])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_equals_the_rule_of_pytorch(momentum, clip):
    options = TrainingOptions(
        epochs=2,
        schedule="cosine",
        learning_rate=0.2,
        momentum=momentum,
        weight_decay=0.05,
        clip_norm=clip,
    )
    optimizer = make_optimizer(options, 6)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    ours = [jnp.asarray(w, jnp.float32) for w in weights]
    moments = optimizer.init(ours)
    buffers = None
    for step in range(12):
        gradients = [rng.normal(size=w.shape) for w in weights]
        update, moments = optimizer.update(
            [jnp.asarray(g, jnp.float32) for g in gradients], moments, ours
        )
        ours = optax.apply_updates(ours, update)
        # torch.optim.SGD: g += decay * w; buf = g, then momentum * buf + g; w -= lr buf
        directions = [
            g + 0.05 * w for g, w in zip(clipped(gradients, clip), weights, strict=True)
        ]
        if buffers is None:
            buffers = directions
        else:
            buffers = [
                momentum * b + d for b, d in zip(buffers, directions, strict=True)
            ]
        rate = 0.2 * (1 + math.cos(math.pi * step / 12)) / 2
        weights = [w - rate * b for w, b in zip(weights, buffers, strict=True)]
        for mine, theirs in zip(ours, weights, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=2e-6)


@pytest.mark.parametrize("clip", [0.0, 1.5])
def test_adam_equals_the_rule_of_pytorch(clip):
    options = TrainingOptions(
        epochs=2,
        learning_rate=0.2,
        optimizer="adam",
        momentum=0.8,
        weight_decay=0.05,
        clip_norm=clip,
    )
    optimizer = make_optimizer(options, 6)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=4)
    ours = jnp.asarray(weights, jnp.float32)
    state = optimizer.init(ours)
    first, second = np.zeros(4), np.zeros(4)
    for step in range(12):
        gradient = rng.normal(size=4)
        update, state = optimizer.update(
            jnp.asarray(gradient, jnp.float32), state, ours
        )
        ours = optax.apply_updates(ours, update)
        # torch.optim.AdamW: the decay is no part of the gradient.
        (gradient,) = clipped([gradient], clip)
        first = 0.8 * first + 0.2 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        mean = first / (1 - 0.8 ** (step + 1))
        size = np.sqrt(second / (1 - 0.999 ** (step + 1)))
        rate = 0.2 * (1 + math.cos(math.pi * step / 12)) / 2
        weights = weights - rate * (mean / (size + 1e-8) + 0.05 * weights)
        np.testing.assert_allclose(ours, weights, atol=2e-5)


def test_supernets_have_no_adam():
    with pytest.raises(
        OptionError, match="optimizer: got 'adam', allowed: sgd for sup"
    ):
        SupernetOptions(optimizer="adam")


def test_clip_limits_the_gradient_alone():
    options = TrainingOptions(
        learning_rate=1.0,
        schedule="constant",
        momentum=0.0,
        weight_decay=0.5,
        clip_norm=1.0,
    )
    optimizer = make_optimizer(options, 10)
    weights = jnp.float32([10.0, 0.0])
    state = optimizer.init(weights)
    step, _ = optimizer.update(jnp.float32([3.0, 4.0]), state, weights)
    np.testing.assert_allclose(step, [-5.6, -0.8], rtol=1e-6)
    step, _ = optimizer.update(jnp.float32([0.3, 0.4]), state, weights)
    np.testing.assert_allclose(step, [-5.3, -0.4], rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"),
    [("learning_rate", 0.0), ("momentum", 1.0), ("schedule", "linear"),
     ("clip_norm", -1.0), ("epochs", 0)],
)  # fmt: skip
def test_nonsense_is_refused(field, value):
    with pytest.raises(OptionError, match=f"{field}: got {value!r}"):
        TrainingOptions(**{field: value})
