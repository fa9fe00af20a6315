"""What is tried with one generated input, and how it may end.

Accepted, or refused by an exception of ours in one line that names the input; nothing
else. Where it is known what an input means, an accepted one must also be read so.
"""

import dataclasses
import pathlib
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis
from absl import logging
from hypothesis import strategies as st

from qnas_jax.jobs.failures import USER_ERROR, describe_failure

ACCEPTED, REFUSED = "accepted", "refused"
FOREIGN, UNNAMED, WRONG = "foreign", "unnamed", "wrong"
ENDS = (ACCEPTED, REFUSED, FOREIGN, UNNAMED, WRONG)
"""How an attempt ends; the last three are faults of ours."""

_LONGEST = 1500  # letters of a line


class Given(NamedTuple):
    """One generated input.

    Attributes:
      value: what is read.
      names: how a refusal may name it: one of these must stand in the line.
    """

    value: Any
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
      name: in tables and names of tests.
      inputs: draws a `Given`.
      read: (value, an empty folder) -> what came of it.
      wrong: (value, what came of it) -> what is wrong with that, or "".
      share: of the inputs that a run tries; what takes long has less.
    """

    name: str
    inputs: st.SearchStrategy[Given]
    read: Callable[[Any, pathlib.Path], Any]
    wrong: Callable[[Any, Any], str] = lambda value, found: ""
    share: float = 1.0


class Attempt(NamedTuple):
    """How one attempt ended.

    Attributes:
      end: one of `ENDS`.
      words: what was said, or the place of a foreign exception.
    """

    end: str
    words: str = ""

    @property
    def good(self) -> bool:
        """Whether this is an end that a user may meet."""
        return self.end in (ACCEPTED, REFUSED)


def attempt(kind: Kind, given: Given, folder: pathlib.Path) -> Attempt:
    """Tries one input.

    Args:
      kind: of which it is.
      given: the input.
      folder: an empty one, for files.

    Returns:
      How it ended.
    """
    before = logging.get_verbosity()
    logging.set_verbosity(logging.FATAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = kind.read(given.value, folder)
            wrong = kind.wrong(given.value, found)
    except hypothesis.errors.HypothesisException:
        raise
    except Exception as error:
        return _refusal(error, given, folder)
    finally:
        logging.set_verbosity(before)
    return Attempt(WRONG, wrong) if wrong else Attempt(ACCEPTED)


def _refusal(error: Exception, given: Given, folder: pathlib.Path) -> Attempt:
    failure = describe_failure(error, folder)
    if failure.status != USER_ERROR:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{pathlib.Path(frame.filename).name}:{frame.lineno}"
        return Attempt(FOREIGN, f"{place} {type(error).__name__}: {error}"[:300])
    line = failure.line
    if "\n" in line or len(line) > _LONGEST:
        return Attempt(UNNAMED, f"{len(line)} letters, {line[:300]!r}")
    if not any(name in line for name in given.names):
        return Attempt(UNNAMED, f"none of {given.names} in {line[:300]}")
    return Attempt(REFUSED, line)
