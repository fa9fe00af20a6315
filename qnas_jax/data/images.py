"""Images as examples: their form, and the statistics of their pixels."""

import numpy as np

from qnas_jax.data.dataset import Split, describe_array
from qnas_jax.errors import UserError

_PIXELS_AT_ONCE = 2**20


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
      mean and (biased) standard deviation, float32 [C], of pixels in [0, 1]; exactly 0
      for a channel of one value.
    """
    values = np.arange(256) / 255
    counts = _histograms(images)
    total = counts.sum(axis=1, keepdims=True)
    mean = counts @ values[:, None] / total
    variance = (counts * (values - mean) ** 2).sum(axis=1) / total[:, 0]
    # Rounding of the mean is not to make a channel vary that does not.
    varies = (counts > 0).sum(axis=1) > 1
    deviation = np.where(varies, np.sqrt(variance), 0)
    return mean[:, 0].astype(np.float32), deviation.astype(np.float32)


def _histograms(images: np.ndarray) -> np.ndarray:
    """How often each value occurs in each channel, int64 [C, 256].

    NumPy counts a copy with 8 bytes a pixel, so it is given a few images at a time.
    """
    channels = images.shape[-1]
    counts = np.zeros((channels, 256), np.int64)
    step = max(1, _PIXELS_AT_ONCE // max(1, images[0, ..., 0].size))
    for start in range(0, len(images), step):
        chunk = images[start : start + step]
        for channel in range(channels):
            counts[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    return counts
