"""Words in no order: their counts by hand, and what is learnt of them."""

import numpy as np
import pytest

from qnas_jax.baselines import TEXT_CLASSIFIERS
from qnas_jax.baselines.bag_of_words import word_counts


def test_counts_by_hand():
    sentences = np.array([[2, 3, 2, 0], [1, 4, 9, 0], [0, 0, 0, 0]])
    found = word_counts(sentences, 5).toarray()
    assert found.tolist() == [[0, 0, 2, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]


def sentences_of(rng, count, classes=2):
    """Words 2 to 21 mean nothing, one of three for each class says which it is."""
    labels = np.arange(count) % classes
    sentences = rng.integers(2, 22, (count, 9))
    sentences[np.arange(count), rng.integers(9, size=count)] = (
        22 + 3 * labels + rng.integers(3, size=count)
    )
    sentences[::3, 7:] = 0
    return sentences, labels


@pytest.mark.parametrize("classes", [2, 3])
def test_what_tells_classes_apart_is_found(classes):
    rng = np.random.default_rng(0)
    sentences, labels = sentences_of(rng, 300, classes)
    others, wanted = sentences_of(rng, 150, classes)
    others[:, 0] = np.where(others[:, 0] < 22, 40, others[:, 0])  # never seen
    predict = TEXT_CLASSIFIERS["bag_of_words"].fit(sentences, labels, rng)
    known = (others > 21).any(1)
    assert (predict(others) == wanted)[known].mean() > 0.85
    shuffled = np.take_along_axis(others, rng.permutation(9)[None].repeat(150, 0), 1)
    np.testing.assert_array_equal(predict(shuffled), predict(others))


def test_few_examples_of_a_class_are_enough():
    sentences, labels = np.array([[2, 3], [2, 4], [3, 5]]), np.array([0, 0, 1])
    rng = np.random.default_rng(0)
    predict = TEXT_CLASSIFIERS["bag_of_words"].fit(sentences, labels, rng)
    assert predict(np.array([[2, 4]])).tolist() == [0]
