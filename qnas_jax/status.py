"""How an evaluation of an architecture ended: the one list of codes and words."""

import enum


class Status(enum.IntEnum):
    """How an evaluation ended; the lower-case name stands in the history."""

    OK = 0
    NON_FINITE = 1
    """A metric is NaN or infinite."""
    ERROR = 2
    """The evaluator's own code raised an exception."""
    TIMEOUT = 3
    """It took longer than allowed."""
    DIED = 4
    """The process that computed it ended."""
    WRONG_RESULT = 5
    """What came back are no metrics."""

    @property
    def word(self) -> str:
        """As histories have it, for example `non_finite`."""
        return self.name.lower()
