"""Smaller images: by hand, and beside Pillow."""

import numpy as np
import pytest
from PIL import Image

from qnas_jax.data import Dataset, image_split, resized, resized_shape
from qnas_jax.errors import UserError


def make(images: np.ndarray) -> Dataset:
    labels = (np.arange(len(images)) % 2).astype(np.int32)
    split = image_split(images, labels)
    return Dataset("drawn", split, split, split, ("a", "b"))


def test_a_half_by_hand():
    image = np.zeros((4, 4), np.uint8)
    image[:, 2:] = 80  # One edge, between the second and the third column.
    found = resized(make(np.stack([image, image])[..., None]), 2).train.inputs
    # A triangle over four columns, weights 1 3 3 1, cut off at the border: 10 of 80.
    left = round(80 * 1 / 7)
    assert found.shape == (2, 2, 2, 1)
    np.testing.assert_array_equal(found[0, :, :, 0], [[left, 80 - left]] * 2)


def test_as_pillow_does():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    found = resized(make(images), 12)
    assert found.input_shape == (12, 12, 3)
    for own, image in zip(found.valid.inputs, images, strict=True):
        other = np.asarray(Image.fromarray(image).resize((12, 12), Image.BILINEAR))
        assert np.abs(own.astype(int) - other).max() <= 1
    np.testing.assert_array_equal(found.test.targets, [0, 1, 0, 1, 0])


def test_nothing_to_do_is_the_same_set():
    dataset = make(np.zeros((2, 8, 8, 1), np.uint8))
    assert resized(dataset, 0) is dataset and resized(dataset, 8) is dataset


def test_the_width_keeps_its_ratio():
    assert resized_shape((32, 48, 3), 16) == (16, 24, 3)
    with pytest.raises(UserError, match="side: got 8, expected 0: inputs of shape"):
        resized_shape((140,), 8)
