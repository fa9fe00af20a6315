"""Text as a task: what networks see of sentences, and what training changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import Dataset, Split
from qnas_jax.options import OptionError
from qnas_jax.tasks import TaskOptions, TextTraining, make_task

SENTENCES = np.array([[2, 3, 0], [300, 0, 0], [65_535, 256, 255]], np.int32)
SPLIT = Split(SENTENCES, np.array([0, 1, 1], np.int32))
DATASET = Dataset("mine", SPLIT, SPLIT, SPLIT, ("a", "b"), ("word",) * 65_536)


def test_numbers_are_seen_in_digits_that_every_precision_holds():
    task = make_task(TaskOptions(), DATASET)
    assert (task.input_shape, task.num_outputs, task.words) == ((3, 2), 2, 65_536)
    assert list(task.metrics) == ["accuracy", "loss", "balanced_accuracy", "macro_f1"]
    prepared = task.prepare(jnp.asarray(SENTENCES))
    assert prepared.dtype == jnp.float32
    wanted = [[[0, 2], [0, 3], [0, 0]], [[1, 44], [0, 0], [0, 0]]]
    np.testing.assert_array_equal(prepared[:2], wanted)
    rounded = np.asarray(prepared.astype(jnp.bfloat16), np.int64)
    np.testing.assert_array_equal(rounded @ [256, 1], SENTENCES)
    key = jax.random.key(0)
    np.testing.assert_array_equal(task.augment(key, jnp.asarray(SENTENCES)), prepared)


def test_dropped_words_are_unknown_and_padding_stays():
    task = make_task(TaskOptions(), DATASET)
    task = task.with_options(TextTraining(word_dropout=0.25))
    words = jnp.asarray(np.where(np.arange(50) < 40, 300, 0)[None].repeat(60, 0))
    augment = jax.jit(lambda key: task.augment(key, words) @ jnp.float32([256, 1]))
    found = np.asarray(augment(jax.random.key(1)))
    assert set(np.unique(found[:, :40])) == {1, 300} and not found[:, 40:].any()
    assert abs((found == 1).sum() / (60 * 40) - 0.25) < 0.04
    assert (found[0] != found[1]).any()


def test_text_and_its_task_go_together():
    for source in ("sst2", "text"):
        assert TaskOptions().for_source(source).name == "text_classification"
    message = "auto or text_classification for the text of mine"
    with pytest.raises(OptionError, match=message):
        make_task(TaskOptions(name="series_classification"), DATASET)
    with pytest.raises(OptionError, match="auto or image_classification for"):
        TaskOptions(name="text_classification").for_source("digits")
