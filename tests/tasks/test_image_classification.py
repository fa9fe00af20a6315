"""Images as a task: what networks see of them, and what data are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import Dataset, augment, image_split
from qnas_jax.errors import UserError
from qnas_jax.options import OptionError
from qnas_jax.tasks import (
    TASKS,
    ImageTraining,
    TaskOptions,
    make_task,
    score_metric,
    smoothed_cross_entropy,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 6, 5, 2)).astype(np.uint8)
SPLIT = image_split(IMAGES, (np.arange(12) % 3).astype(np.int32))
OTHER = SPLIT.take(np.arange(3))
DATASET = Dataset("mine", SPLIT, OTHER, OTHER, ("a", "b", "c"))


@pytest.fixture(scope="module")
def task():
    return make_task(TaskOptions(), DATASET)


def test_what_a_network_needs_to_know(task):
    assert (task.input_shape, task.num_outputs) == ((6, 5, 2), 3)
    assert task.score == "accuracy"
    assert list(task.metrics) == ["accuracy", "loss", "balanced_accuracy"]
    assert score_metric(task).larger_is_better


def test_prepared_pixels_have_no_mean_and_unit_deviation(task):
    prepared = task.prepare(jnp.asarray(IMAGES))
    np.testing.assert_allclose(prepared.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(prepared.std((0, 1, 2)), 1, rtol=1e-5)


def test_options_of_training_are_those_of_the_stage(task):
    options = ImageTraining(crop_padding=2, flip=True, cutout=3, label_smoothing=0.3)
    changed = task.with_options(options)
    key, images = jax.random.key(1), jnp.asarray(IMAGES)
    found = jax.jit(lambda task: task.augment(key, images))(changed)
    expected = augment(key, images, task.mean, task.std, options)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (np.asarray(found) != np.asarray(task.prepare(images))).any()
    logits, labels = jnp.asarray(RNG.normal(size=(4, 3))), jnp.int32([0, 2, 1, 1])
    assert changed.loss(logits, labels) == smoothed_cross_entropy(logits, labels, 0.3)
    assert task.loss(logits, labels) == smoothed_cross_entropy(logits, labels, 0.1)


def test_constant_channel_is_an_error():
    blank = image_split(np.full((3, 2, 2, 1), 7, np.uint8), np.arange(3, dtype="int32"))
    data = Dataset("blank", blank, blank, blank, ("a", "b", "c"))
    with pytest.raises(UserError, match=r"blank: .* remove channels that never change"):
        make_task(TaskOptions(), data)


def test_labels_keep_some_mass():
    with pytest.raises(OptionError, match=r"label_smoothing: got 1\.0"):
        ImageTraining(label_smoothing=1.0)


def test_tasks_have_groups_of_their_own():
    groups = [spec.group for spec in TASKS.values()]
    assert len(set(groups)) == len(groups)
