"""Lives of a run: interrupted, gone on with, interrupted again, until it ends.

Each command of a life goes on from whatever the one before it left, so each
interruption is followed by a resume, and one comparison at the end judges them all.
The work folder is copied after each: where the end is not as it should be, the first
copy from which it cannot be reached any more says which interruption spoilt it.
"""

import dataclasses
import pathlib
import shutil
from collections.abc import Callable, Sequence

import numpy as np

from experiments.reliability.forks import Command
from experiments.reliability.kills import RESUME, WAYS, Timeline, Try

FIRST = "SIGKILL at any moment"
"""What an interruption during a resume is, in a run that is no resume."""


@dataclasses.dataclass
class Interruption:
    """One of a life.

    Attributes:
      way: a key of `WAYS`.
      number: of those before it in its life.
      stage: that it met.
      wrong: what was not as it should be, or "".
      differing: artefacts that the run could not reach any more.
    """

    way: str
    number: int
    stage: str = ""
    wrong: str = ""
    differing: Sequence[str] = ()


class Life:
    """A run in a work folder that is interrupted again and again.

    Attributes:
      met: its interruptions, in order.
    """

    def __init__(
        self, start: Callable[[], Command], workdir: pathlib.Path, copies: pathlib.Path
    ):
        """Begins with nothing.

        Args:
          start: starts the command in the work folder.
          workdir: its folder, removed now.
          copies: a folder for copies of it, removed now.
        """
        self._start = start
        self._workdir = workdir
        self._copies = copies
        self.met: list[Interruption] = []
        for folder in (workdir, copies):
            shutil.rmtree(folder, ignore_errors=True)

    def lead(
        self,
        ways: Sequence[str],
        most: int,
        timeline: Timeline,
        stage_now: Callable[[], str],
        rng: np.random.Generator,
    ) -> None:
        """Interrupts the run until it ends, or has been interrupted often enough.

        Args:
          ways: keys of `WAYS`; each has its turn, in a new order each time.
          most: interruptions.
          timeline: of the undisturbed run.
          stage_now: the stage that the work folder is in.
          rng: draws ways and moments.
        """
        turns = _turns(ways, most, rng)
        for place, way in enumerate(turns):
            ahead = sum(later != RESUME for later in turns[place:])
            tried = Try(self._start(), self._workdir, timeline, ahead, rng)
            wrong = WAYS[way](tried)
            if wrong is None:
                return
            number = len(self.met)
            self.met.append(Interruption(way, number, stage_now(), wrong))
            if self._workdir.exists():
                shutil.copytree(self._workdir, self._copy(number))

    def blame(self, judge: Callable[[], Sequence[str]]) -> None:
        """Has the life end, and finds the interruption that spoilt it, if one did.

        Those behind that one are taken out: nobody knows what became of them.

        Args:
          judge: ends the run in the work folder, and says what is not as it should be.

        Raises:
          RuntimeError: it was never interrupted, and its end is wrong all the same.
        """
        wrong = judge()
        if not wrong:
            return
        if not self.met:
            raise RuntimeError(f"undisturbed, and yet {', '.join(wrong)}")
        for each in self.met:
            shutil.rmtree(self._workdir, ignore_errors=True)
            if self._copy(each.number).exists():
                shutil.copytree(self._copy(each.number), self._workdir)
            each.differing = judge()
            if each.differing:
                break
        else:  # each copy leads to the right end: it is the last resume that did not
            each.differing = ["the end, though not from a copy of what was left"]
        del self.met[each.number + 1 :]

    def _copy(self, number: int) -> pathlib.Path:
        return self._copies / str(number)


def _turns(ways: Sequence[str], most: int, rng: np.random.Generator) -> list[str]:
    """Each way once, in a new order, and again; the first command is no resume."""
    rounds = -(-most // len(ways))
    turns = [ways[place] for _ in range(rounds) for place in rng.permutation(len(ways))]
    if turns[0] == RESUME:
        turns[0] = FIRST
    return turns[:most]
