"""What a few seeds say about a mean."""

import numpy as np


def mean_and_interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Mean and half the width of its 95 % interval by Student's t.

    Args:
      values: [N], one of each seed.

    Returns:
      Both, or None for what so few values do not have.
    """
    from scipy import stats

    if len(values) < 2:
        return (float(values.mean()) if len(values) else None), None
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1) * error)
