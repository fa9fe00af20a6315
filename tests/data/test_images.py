"""What images have to be, and the statistics of their pixels."""

import tracemalloc

import numpy as np
import pytest

from qnas_jax.data import image_split, pixel_statistics
from qnas_jax.data import images as images_module
from qnas_jax.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 4, 2), dtype=np.uint8)


def test_statistics_by_hand_and_by_numpy():
    images = np.array([0, 255, 255, 0, 51, 51], np.uint8).reshape(1, 1, 3, 2)
    # Channel 0: 0, 1, 0.2; channel 1: 1, 0, 0.2.
    mean, std = pixel_statistics(images)
    np.testing.assert_allclose(mean, [0.4, 0.4], rtol=1e-6)
    np.testing.assert_allclose(std, np.sqrt([0.56 / 3, 0.56 / 3]), rtol=1e-6)
    mean, std = pixel_statistics(IMAGES)
    pixels = IMAGES.astype(np.float64) / 255
    np.testing.assert_allclose(mean, pixels.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(std, pixels.std((0, 1, 2)), rtol=1e-6)
    assert mean.dtype == std.dtype == np.float32


def test_statistics_of_many_images_need_little_memory(monkeypatch):
    monkeypatch.setattr(images_module, "_PIXELS_AT_ONCE", 24)  # two images
    mean, std = pixel_statistics(IMAGES[:3])
    pixels = IMAGES[:3].astype(np.float64) / 255
    np.testing.assert_allclose(mean, pixels.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(std, pixels.std((0, 1, 2)), rtol=1e-6)
    monkeypatch.undo()
    large = np.zeros((64, 256, 256, 1), np.uint8)
    tracemalloc.start()
    pixel_statistics(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * large.nbytes


@pytest.mark.parametrize("value", [0, 1, 51, 200, 255])
def test_a_constant_channel_has_no_deviation(value):
    mean, std = pixel_statistics(np.full((7, 3, 5, 1), value, np.uint8))
    np.testing.assert_allclose(mean, value / 255, rtol=1e-6)
    assert std.tolist() == [0]


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
    with pytest.raises(UserError, match=message):
        image_split(images, labels)
