"""How long a part of a run took, on the clock and on the processor."""

import os
import time
from typing import NamedTuple


class Spent(NamedTuple):
    """Time that a part of a stage took.

    Attributes:
      seconds: on the clock.
      processor: of all cores, this process and the ended ones that it started.
    """

    seconds: float
    processor: float


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._start = self._now()

    def read(self) -> Spent:
        """The time since it was made."""
        now = self._now()
        return Spent(
            now.seconds - self._start.seconds, now.processor - self._start.processor
        )

    def _now(self) -> Spent:
        return Spent(time.perf_counter(), sum(os.times()[:4]))
