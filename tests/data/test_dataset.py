import numpy as np
import pytest

from qnas_jax.data import Dataset, Split, make_dataset
from qnas_jax.data.dataset import pixel_statistics


def make_split(labels, shape=(3, 4, 2), seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (len(labels), *shape), dtype=np.uint8)
    return Split(images, np.asarray(labels, np.int32))


TRAIN = make_split([0, 1, 2, 1])
OTHER = make_split([0, 1], seed=1)


def test_properties():
    data = make_dataset("mine", TRAIN, OTHER, OTHER, ("a", "b", "c"))
    assert data.num_classes == 3
    assert data.image_shape == (3, 4, 2)
    assert len(data.train) == 4
    taken = data.train.take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.labels, [2, 0])
    np.testing.assert_array_equal(taken.images, TRAIN.images[[2, 0]])


def test_statistics_by_hand_and_by_numpy():
    images = np.array([0, 255, 255, 0, 51, 51], np.uint8).reshape(1, 1, 3, 2)
    # Channel 0: 0, 1, 0.2; channel 1: 1, 0, 0.2.
    mean, std = pixel_statistics(images)
    np.testing.assert_allclose(mean, [0.4, 0.4], rtol=1e-6)
    np.testing.assert_allclose(std, np.sqrt([0.56 / 3, 0.56 / 3]), rtol=1e-6)
    mean, std = pixel_statistics(TRAIN.images)
    pixels = TRAIN.images.astype(np.float64) / 255
    np.testing.assert_allclose(mean, pixels.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(std, pixels.std((0, 1, 2)), rtol=1e-6)
    assert mean.dtype == std.dtype == np.float32


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 3, 3, 1)), np.zeros(2, np.int32), "got float64 .* uint8"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2, np.int32), r"uint8 \[2, 3, 3\]"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros(2), "labels: got float64"),
        (np.zeros((2, 3, 3, 1), np.uint8), np.zeros((2, 1), np.int32), r"\[2, 1\]"),
        (
            np.zeros((2, 3, 3, 1), np.uint8),
            np.zeros(3, np.int32),
            "2 images and 3 labels",
        ),
        (np.zeros((0, 3, 3, 1), np.uint8), np.zeros(0, np.int32), "split is empty"),
        (np.zeros((2, 3, 0, 1), np.uint8), np.zeros(2, np.int32), "split is empty"),
    ],
)
def test_split_errors(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Split(images, labels)


@pytest.mark.parametrize(
    ("train", "valid", "test", "message"),
    [
        (make_split([0, 1, 3]), OTHER, OTHER, "train label 3 at position 2 .* 0..2"),
        (TRAIN, make_split([0, -1]), OTHER, "valid label -1 at position 1"),
        (TRAIN, OTHER, make_split([9]), "test label 9 at position 0"),
        (make_split([0, 2]), OTHER, OTHER, r"class 1 \(b\) has no image"),
        (TRAIN, make_split([0], (3, 3, 2)), OTHER, r"valid images are \[3, 3, 2\]"),
        (TRAIN, OTHER, make_split([0], (3, 4, 1)), r"test images are \[3, 4, 1\]"),
    ],
)
def test_dataset_errors(train, valid, test, message):
    with pytest.raises(ValueError, match=f"mine: {message}"):
        make_dataset("mine", train, valid, test, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (np.zeros(3, np.float32), np.ones(2, np.float32), "mean: got float32 .3."),
        (np.zeros(2, np.float32), np.ones(2), "std: got float64"),
        (np.zeros(2, np.float32), np.array([1, 0], np.float32), "std > 0"),
        (np.array([np.nan, 0], np.float32), np.ones(2, np.float32), "finite means"),
    ],
)
def test_statistics_errors(mean, std, message):
    with pytest.raises(ValueError, match=message):
        Dataset("mine", TRAIN, OTHER, OTHER, ("a", "b", "c"), mean, std)


def test_constant_channel_is_an_error():
    blank = Split(np.full((3, 2, 2, 1), 7, np.uint8), np.arange(3, dtype=np.int32))
    with pytest.raises(ValueError, match="remove channels that never change"):
        make_dataset("mine", blank, blank, blank, ("a", "b", "c"))
