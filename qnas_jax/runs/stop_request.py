"""Ctrl-C as a request."""

import signal
import sys
from types import FrameType
from typing import Any


class StopRequest:
    """Turns the first Ctrl-C into a request that loops ask for; the second kills.

    Used as a context manager; calling it says whether a stop was asked for.
    """

    def __init__(self) -> None:
        """Nothing is asked for yet."""
        self._asked = False
        self._previous: Any = None

    def __call__(self) -> bool:
        """Whether the user asked to stop."""
        return self._asked

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        sys.stderr.write("\nstopping after the present step (again: at once)\n")

    def __enter__(self) -> "StopRequest":
        self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self._previous)
