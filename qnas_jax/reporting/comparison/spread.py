"""Mean, spread and bootstrap interval of results over seeds.

Source of the interval: Efron & Tibshirani, An introduction to the bootstrap (1993),
percentile method.
"""

import dataclasses

import numpy as np

from qnas_jax.reporting.statistics import CONFIDENCE

RESAMPLES = 2000


@dataclasses.dataclass(frozen=True)
class Spread:
    """Results of n seeds.

    Attributes:
      mean: arithmetic mean.
      deviation: standard deviation of the sample (n - 1); 0 for one seed.
      low: lower end of the mean's 95 % bootstrap interval.
      high: upper end.
      count: n.
    """

    mean: float
    deviation: float
    low: float
    high: float
    count: int


def mean_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % bootstrap interval of the mean over seeds.

    Args:
      values: [S, ...] results, S >= 1.

    Returns:
      Both ends, [...]; equal to the mean where all seeds agree or there is one only.
    """
    from scipy.stats import bootstrap

    values = np.asarray(values, np.float64)
    if len(values) == 1:
        return values[0], values[0]
    interval = bootstrap(
        (values,),
        np.mean,
        axis=0,
        vectorized=True,
        n_resamples=RESAMPLES,
        # Resamples at a time: the memory stays small for long curves.
        batch=100,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return interval.low, interval.high


def spread(values: np.ndarray) -> Spread:
    """Summarises results [S] of one setting."""
    low, high = mean_interval(values)
    return Spread(
        mean=float(np.mean(values)),
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        low=float(low),
        high=float(high),
        count=len(values),
    )
