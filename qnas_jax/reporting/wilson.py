"""How sure one may be of a share of n examples: Wilson, JASA 22 (1927)."""

import math

from qnas_jax.errors import UserError

CONFIDENCE = 0.95


def wilson_interval(accuracy: float, num_images: int) -> tuple[float, float]:
    """Returns the 95 % Wilson score interval of an accuracy.

    The ends are the values p with |accuracy - p| = z sqrt(p (1 - p) / n).

    Args:
      accuracy: share of right answers, in [0, 1].
      num_images: n >= 1, the images it was measured on.

    Returns:
      Both ends, in [0, 1].

    Raises:
      UserError: accuracy or number of images out of range.
    """
    from scipy.stats import norm

    right = num_right(accuracy, num_images)
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    share = right / num_images
    scale = 1 + z**2 / num_images
    center = (share + z**2 / (2 * num_images)) / scale
    spread = share * (1 - share) / num_images + z**2 / (4 * num_images**2)
    half = z * math.sqrt(spread) / scale
    low = 0.0 if right == 0 else center - half
    high = 1.0 if right == num_images else center + half
    return low, high


def num_right(accuracy: float, num_images: int) -> int:
    """The number of right answers; accuracies may carry float32 rounding.

    Raises:
      UserError: accuracy or number of images out of range.
    """
    if num_images < 1:
        raise UserError(f"test_images: got {num_images}, expected at least 1")
    if not 0 <= accuracy <= 1:
        raise UserError(f"accuracy: got {accuracy}, expected a share in [0, 1]")
    return round(accuracy * num_images)
