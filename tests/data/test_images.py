"""What images have to be, and the statistics of their pixels."""

import numpy as np
import pytest

from qnas_jax.data import image_split, pixel_statistics
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
