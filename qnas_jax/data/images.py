"""Images as examples: their form, and the statistics of their pixels."""

import numpy as np

from qnas_jax.data.dataset import Split, describe_array
from qnas_jax.errors import UserError


def image_split(images: np.ndarray, labels: np.ndarray) -> Split:
    """Checks images and the numbers of their classes.

    Args:
      images: uint8 [N, H, W, C], 0..255.
      labels: int32 [N], class numbers from 0.

    Returns:
      The split.

    Raises:
      UserError: wrong dtype or rank, different lengths, or no image at all.
    """
    if images.dtype != np.uint8 or images.ndim != 4:
        raise UserError(
            f"images: got {describe_array(images)}, expected uint8 [N, H, W, C]"
        )
    if labels.dtype != np.int32 or labels.ndim != 1:
        raise UserError(f"labels: got {describe_array(labels)}, expected int32 [N]")
    if len(images) != len(labels):
        raise UserError(
            f"got {len(images)} images and {len(labels)} labels, expected as many"
        )
    return Split(images, labels)


def pixel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, exact up to rounding.

    Histograms of the 256 values need no floating-point copy of the images.

    Args:
      images: uint8 [N, H, W, C].

    Returns:
      mean and (biased) standard deviation, float32 [C], of pixels in [0, 1].
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(images.shape[-1]):
        counts = np.bincount(images[..., channel].ravel(), minlength=256)
        mean = counts @ values / counts.sum()
        means.append(mean)
        deviations.append(np.sqrt(counts @ (values - mean) ** 2 / counts.sum()))
    return np.asarray(means, np.float32), np.asarray(deviations, np.float32)
