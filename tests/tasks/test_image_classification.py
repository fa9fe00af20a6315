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
    assert list(task.metrics) == ["accuracy", "loss", "balanced_accuracy", "macro_f1"]
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


def test_a_constant_channel_is_divided_by_one():
    images = IMAGES.copy()
    images[..., 1] = 51  # 51 / 255 is not exact
    split = image_split(images, np.arange(len(images), dtype=np.int32))
    names = tuple(map(str, range(len(images))))
    task = make_task(TaskOptions(), Dataset("green", split, split, split, names))
    assert task.std[1] == 1
    prepared = task.prepare(jnp.asarray(images))
    np.testing.assert_allclose(prepared[..., 1], 0, atol=1e-6)
    np.testing.assert_allclose(prepared[..., 0].std(), 1, rtol=1e-5)
    blank = image_split(np.full_like(images, 7), split.targets)
    with pytest.raises(UserError, match=r"blank: all training images are of one colou"):
        make_task(TaskOptions(), Dataset("blank", blank, blank, blank, names))


def test_labels_keep_some_mass():
    with pytest.raises(OptionError, match=r"label_smoothing: got 1\.0"):
        ImageTraining(label_smoothing=1.0)


def test_tasks_have_groups_of_their_own():
    groups = [spec.group for spec in TASKS.values()]
    assert len(set(groups)) == len(groups)
