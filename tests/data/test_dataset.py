import numpy as np
import pytest

from qnas_jax.data import Dataset, Split
from qnas_jax.errors import UserError


def make_split(labels, shape=(3, 4, 2), seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (len(labels), *shape), dtype=np.uint8)
    return Split(images, np.asarray(labels, np.int32))


TRAIN = make_split([0, 1, 2, 1])
OTHER = make_split([0, 1], seed=1)


def test_properties():
    data = Dataset("mine", TRAIN, OTHER, OTHER, ("a", "b", "c"))
    assert data.num_classes == 3
    assert data.input_shape == (3, 4, 2)
    assert len(data.train) == 4
    taken = data.train.take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.targets, [2, 0])
    np.testing.assert_array_equal(taken.inputs, TRAIN.inputs[[2, 0]])


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (np.zeros((2, 3)), np.zeros(3), r"inputs float64 \[2, 3\] and targets float64"),
        (np.float32(1), np.zeros(1), "expected as many of each"),
        (np.zeros((0, 3)), np.zeros(0), "split is empty"),
        (np.zeros((2, 0)), np.zeros(2), "split is empty"),
    ],
)
def test_split_errors(inputs, targets, message):
    with pytest.raises(UserError, match=message):
        Split(np.asarray(inputs), targets)


@pytest.mark.parametrize(
    ("train", "valid", "test", "message"),
    [
        (make_split([0, 1, 3]), OTHER, OTHER, "train label 3 at position 2 .* 0..2"),
        (TRAIN, make_split([0, -1]), OTHER, "valid label -1 at position 1"),
        (TRAIN, OTHER, make_split([9]), "test label 9 at position 0"),
        (make_split([0, 2]), OTHER, OTHER, r"class 1 \(b\) has no example"),
        (TRAIN, make_split([0], (3, 3, 2)), OTHER, r"valid inputs are \[3, 3, 2\]"),
        (TRAIN, OTHER, make_split([0], (3, 4, 1)), r"test inputs are \[3, 4, 1\]"),
    ],
)
def test_dataset_errors(train, valid, test, message):
    with pytest.raises(ValueError, match=f"mine: {message}"):
        Dataset("mine", train, valid, test, ("a", "b", "c"))


def test_targets_need_no_classes():
    split = Split(np.zeros((3, 5)), np.array([0.5, -2.0, 1e6]))
    data = Dataset("series", split, split, split)
    assert (data.input_shape, data.num_classes) == ((5,), 0)
