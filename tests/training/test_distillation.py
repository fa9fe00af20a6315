"""Paths that learn from the largest one: the formula, and steps in each form."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from qnas_jax.data import PADDING, epoch_order
from qnas_jax.nets import build_supernet, take_path
from qnas_jax.options import OptionError
from qnas_jax.tasks.image_classification import ImageTraining
from qnas_jax.tasks.language_modelling import LanguageModelling
from qnas_jax.training import SupernetOptions, make_sampler, make_supernet_step
from qnas_jax.training.distillation import shares_of_paths, taught_loss


def options_of(sampler):
    return SupernetOptions(
        batch_size=8,
        epochs=2,
        learning_rate=0.1,
        schedule="constant",
        sampler=sampler,
        distillation=0.3,
        momentum=0.0,
        weight_decay=0.0,
        clip_norm=0.0,
    )


def test_the_loss_by_hand(task):
    """Labels 0.7, teacher 0.3; SciPy's own softmax and sums in float64."""
    rng = np.random.default_rng(0)
    outputs, teacher = rng.normal(size=(2, 5, 3))
    labels = rng.integers(0, 3, 5)
    task = task.with_options(ImageTraining(label_smoothing=0.0))
    path, largest = (jnp.asarray(each, jnp.float32) for each in (outputs, teacher))
    found = taught_loss(task, path, jnp.asarray(labels), largest, jnp.float32(0.3))
    log_probs = special.log_softmax(outputs, axis=1)
    of_labels = -log_probs[np.arange(5), labels].mean()
    of_teacher = -(special.softmax(teacher, axis=1) * log_probs).sum(axis=1).mean()
    np.testing.assert_allclose(found, 0.7 * of_labels + 0.3 * of_teacher, rtol=1e-5)


def test_no_gradient_reaches_the_teacher(task):
    outputs = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), jnp.float32)
    labels, share = jnp.arange(3), jnp.float32(0.5)

    def loss(teacher):
        return taught_loss(task, outputs, labels, teacher, share)

    assert (jax.grad(loss)(2 * outputs) == 0).all()
    np.testing.assert_allclose(shares_of_paths(3, 0.5), [0.0, 0.5, 0.5])


def test_of_running_text_nothing_is_learnt_behind_its_end():
    rng = np.random.default_rng(0)
    outputs, teacher = rng.normal(size=(2, 2, 3, 5))
    targets = np.array([[1, 4, 2], [3, PADDING, PADDING]])
    task = LanguageModelling(input_shape=(3, 2), num_outputs=5, characters=False)
    found = task.distilled_loss(*map(jnp.asarray, (outputs, targets, teacher)))
    each = special.softmax(teacher, axis=2) * special.log_softmax(outputs, axis=2)
    there = targets != PADDING
    np.testing.assert_allclose(found, -each.sum(axis=2)[there].sum() / 6, rtol=1e-5)


def test_a_task_without_such_a_loss_is_refused(space, train, task):
    without = types.SimpleNamespace(num_outputs=3)
    batches = types.SimpleNamespace(task=without)
    supernet = build_supernet(space)
    sampler = make_sampler(options_of("fair"), space, supernet.cost_table())
    with pytest.raises(OptionError, match="distillation: got 0.3, allowed: 0 for Sim"):
        make_supernet_step(
            supernet, optax.sgd(0.1), sampler, batches, jax.random.key(0)
        )


@pytest.mark.parametrize(
    ("form", "name"), [("switch", "strict_fair"), ("padded", "fair")]
)
def test_a_step_is_one_down_the_loss_written_out(
    form, name, space, task, train, build_training
):
    """The gradient of all paths' losses by itself, and the row of the totals."""
    supernet = build_supernet(space, form)
    options = options_of(name)
    sampler = make_sampler(options, space, supernet.cost_table())
    training = build_training(options, sampler, supernet=supernet)
    start = jax.tree.map(jnp.copy, training.state)
    order = epoch_order(jax.random.key(0), 0, len(train))
    after = training.step_fn(training.state, order)
    jax.effects_barrier()
    archs = jnp.asarray(training.archs[0])
    assert len(archs) == (4 if name == "strict_fair" else 2)
    inputs = task.prepare(train.inputs[order[:8]])
    targets = train.targets[order[:8]]

    def logits_of(params, arch):
        outputs, _ = supernet.apply(
            take_path(params, arch),
            take_path(start.stats, arch),
            arch,
            inputs,
            mode="train",
        )
        return outputs

    def whole(params):
        largest, *others = (logits_of(params, arch) for arch in archs)
        said = jax.lax.stop_gradient(jax.nn.softmax(largest))
        loss = labels = task.loss(largest, targets)
        for other in others:
            own = task.loss(other, targets)
            learnt = -(said * jax.nn.log_softmax(other)).sum(axis=1).mean()
            loss, labels = loss + 0.7 * own + 0.3 * learnt, labels + own
        return loss, labels

    gradient, losses = jax.jit(jax.grad(whole, has_aux=True))(start.params)
    expected = jax.tree.map(lambda p, g: p - 0.1 * g, start.params, gradient)
    for one, other in zip(*map(jax.tree.leaves, (after.params, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    np.testing.assert_allclose(after.totals.loss, 8 * losses, rtol=1e-5)
