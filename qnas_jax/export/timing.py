"""How long a model takes for an image, here and now."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_WARM_UP = 5


class Latency(NamedTuple):
    """Milliseconds of a call, over repeated calls.

    Attributes:
      median: of all calls.
      low: a quarter of them took less.
      high: a quarter of them took more.
    """

    median: float
    low: float
    high: float


def measure_latency(run: Callable[[], object], repeats: int) -> Latency:
    """Times calls one after the other.

    Args:
      run: computes one result and waits for it.
      repeats: calls that count; five come before.

    Returns:
      Median and quartiles.
    """
    for _ in range(_WARM_UP):
        run()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    low, median, high = 1e3 * np.quantile(seconds, (0.25, 0.5, 0.75))
    return Latency(float(median), float(low), float(high))
