"""What a few seeds say about a mean."""

from typing import NamedTuple

import numpy as np

_FEWEST = 3  # values whose deviation is worth an interval


class Spread(NamedTuple):
    """What the seeds of one setting give.

    Attributes:
      mean: of them.
      low: lower end, of the 95 % interval of the mean by Student's t, or of the range.
      high: upper end.
      ends: "t", "range" of two values, or "" of one.
    """

    mean: float
    low: float
    high: float
    ends: str


def spread_of(values: np.ndarray) -> Spread:
    """Mean with an interval where there are values enough, else with their range.

    Args:
      values: [N], one of each seed, one at least.

    Returns:
      All of it.
    """
    values = np.asarray(values, np.float64)
    mean, half = mean_and_interval(values)
    assert mean is not None
    if len(values) < _FEWEST or half is None:
        ends = "range" if len(values) > 1 else ""
        return Spread(mean, float(values.min()), float(values.max()), ends)
    return Spread(mean, mean - half, mean + half, "t")


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
