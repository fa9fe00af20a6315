"""A promise with the line that breaks it."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One broken promise.

    Attributes:
      promise: in words.
      file: from the root of the project.
      old: text that occurs once in it.
      new: what stands there instead.
      tests: what should kill it: files or tests of pytest, separated by spaces.
    """

    promise: str
    file: str
    old: str
    new: str
    tests: str
