"""The metrics of a task, accumulated in chunks, for one network and for several."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.evaluation import measure, measure_many
from qnas_jax.tasks import ImageClassification

TASK = ImageClassification(
    mean=np.float32([0]),
    std=np.float32([1 / 255]),
    input_shape=(1, 1, 1),
    num_outputs=3,
)
CASES = [(7, 3), (7, 7), (7, 100), (6, 3), (1, 4)]


def examples(count):
    """The pixel of image i is i, its label is 1 if i is odd."""
    images = jnp.arange(count, dtype=jnp.uint8).reshape(count, 1, 1, 1)
    return images, jnp.arange(count) % 2


def logits_of(prepared, factor=1.0):
    """(0, factor i, 0)."""
    value = factor * prepared[:, 0, 0, 0]
    return jnp.stack([0 * value, value, 0 * value], axis=1)


def by_hand(count, factor=1.0):
    numbers = factor * np.arange(count)
    odd = np.arange(count) % 2 == 1
    losses = np.log(np.exp(numbers) + 2) - np.where(odd, numbers, 0)
    correct = (numbers > 0) == odd  # ties go to the first class
    return correct.mean(), losses.mean()


@pytest.mark.parametrize(("count", "chunk"), CASES)
def test_one_network_by_hand(count, chunk):
    def run(prepared):
        assert prepared.shape == (min(chunk, count), 1, 1, 1)
        return logits_of(prepared)

    found = measure(
        TASK, run, *examples(count), chunk, details=TASK.details, answer=TASK.answer
    )
    accuracy, loss = by_hand(count)
    answers = np.minimum(np.arange(count), 1)  # the pixel 0 ties
    table = np.zeros((3, 3))
    np.add.at(table, (np.arange(count) % 2, answers), 1)
    np.testing.assert_array_equal(found["confusion"], table)
    np.testing.assert_array_equal(found["answers"], answers)
    assert float(found["squared_loss"]) >= float(found["loss"]) ** 2 * (1 - 1e-6)
    assert float(found["accuracy"]) == pytest.approx(accuracy)
    assert float(found["loss"]) == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize(("count", "chunk"), CASES)
def test_several_networks_by_hand(count, chunk):
    factors = (1.0, -1.0, 0.25)

    def run(prepared, add, sums):
        for number, factor in enumerate(factors):
            sums = add(jnp.int32(number), logits_of(prepared, factor), sums)
        return sums

    @jax.jit
    def compute(images, labels):
        return measure_many(TASK, run, len(factors), images, labels, chunk)

    found = compute(*examples(count))
    expected = np.array([by_hand(count, factor) for factor in factors])
    np.testing.assert_allclose(found["accuracy"], expected[:, 0], rtol=1e-6)
    np.testing.assert_allclose(found["loss"], expected[:, 1], rtol=1e-5)


def test_an_output_that_is_not_finite_is_no_answer():
    def run(prepared):
        first = jnp.where(prepared[:, 0, 0, 0] == 3, jnp.nan, 0.0)
        return jnp.stack([first, first + 1, first], axis=1)

    found = measure(TASK, run, *examples(5), 2, answer=TASK.answer)
    np.testing.assert_array_equal(found["answers"], [1, 1, 1, -1, 1])
    assert float(found["accuracy"]) == pytest.approx(1 / 5)
