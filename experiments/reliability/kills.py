"""Ways to interrupt a command, and when.

Each is given a command that was just started on a work folder, in which earlier ones
may have been interrupted before, and ends it. A command that ended by itself before is
no try. Moments are drawn from what the run has left: so far into a stage, which a
command that goes on reaches whatever it does first.
"""

import dataclasses
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from experiments.reliability.forks import Command, passing

GRACE = 120.0
"""Seconds that a command may take to end after SIGTERM."""

_TERMINATED = 128 + signal.SIGTERM
_EARLY = 0.3  # seconds; before that nothing but Python has run
_RESUMING = 0.2  # of the seconds of all stages, in which one is gone on with
_LONGEST = 600.0  # seconds of a command
_WATCHED = (
    *(".", "supernet", "supernet/checkpoints", "reference", "search"),
    *("retrain/winner", "retrain/winner/checkpoints", "rank", "benchmark", "solve"),
)


@dataclasses.dataclass(frozen=True)
class Moment:
    """A time in a command.

    Attributes:
      after: the mark, a path in the work folder, behind which it lies; "": none.
      seconds: behind the mark, and behind what a command takes to start.
    """

    after: str
    seconds: float

    def await_in(self, command: Command, folder: pathlib.Path, starting: float) -> None:
        """Returns at this moment, or when the command has ended.

        Args:
          command: that runs.
          folder: its work folder.
          starting: seconds that a command takes before its first stage.
        """
        begun = None
        for _ in passing(_LONGEST, command):
            if begun is None and (not self.after or (folder / self.after).exists()):
                passed = max(time.monotonic() - command.started, starting)
                begun = passed if self.after else 0.0
            now = time.monotonic() - command.started
            if begun is not None and now >= begun + self.seconds:
                return


@dataclasses.dataclass(frozen=True)
class Timeline:
    """How long an undisturbed run takes.

    Attributes:
      starting: seconds before its first stage.
      stages: seconds of each stage by name, in order.
      ending: seconds behind the last one that leaves a mark.
    """

    starting: float
    stages: Mapping[str, float]
    ending: float

    def draw(
        self, folder: pathlib.Path, ahead: int, rng: np.random.Generator
    ) -> Moment:
        """The first of several moments drawn evenly from what a run has left.

        Args:
          folder: the work folder so far.
          ahead: how many moments.
          rng: of the draw.
        """
        names = list(self.stages)
        left = [name for name in names if not (folder / name / "done.json").exists()]
        spans = {"": self.starting - _EARLY}
        spans |= {f"{name}/started.json": self.stages[name] for name in left}
        spans |= {f"{name}/done.json": self.ending for name in names[-1:]}
        starts = np.cumsum([0.0, *spans.values()])
        at = starts[-1] * (1 - rng.random() ** (1 / ahead))
        place = int(np.searchsorted(starts[1:-1], at, side="right"))
        after, seconds = list(spans)[place], float(at - starts[place])
        return Moment(after, seconds if after else seconds + _EARLY)


@dataclasses.dataclass(frozen=True)
class Try:
    """What is to be interrupted.

    Attributes:
      command: as it was just started.
      folder: its work folder.
      timeline: of the undisturbed run.
      ahead: moments that are to be drawn from this run yet, this one among them.
      rng: draws the moment.
    """

    command: Command
    folder: pathlib.Path
    timeline: Timeline
    ahead: int
    rng: np.random.Generator

    def await_a_moment(self) -> None:
        """Returns at a moment drawn from what the run has left."""
        moment = self.timeline.draw(self.folder, self.ahead, self.rng)
        moment.await_in(self.command, self.folder, self.timeline.starting)

    def kill(self) -> str | None:
        """SIGKILL now."""
        self.command.send(signal.SIGKILL)
        return _wrong(self.command, self.command.wait(), -signal.SIGKILL)


Way = Callable[[Try], str | None]
"""What went wrong, "" if nothing did, None if the command ended before."""


def kill_anywhere(tried: Try) -> str | None:
    """SIGKILL at a moment drawn from what the run has left."""
    tried.await_a_moment()
    return tried.kill()


def terminate(tried: Try) -> str | None:
    """SIGTERM, as batch systems send it; the command is to end as after Ctrl-C."""
    tried.await_a_moment()
    tried.command.send(signal.SIGTERM)
    status, said = tried.command.wait(GRACE), tried.command.said
    if status == -signal.SIGKILL:
        return f"still there {GRACE:g} s after SIGTERM"
    wrong = _wrong(tried.command, status, _TERMINATED)
    last = (said.splitlines() or [""])[-1]
    if wrong == "" and ("to go on: " not in last or "Traceback" in said):
        return f"said {said[-300:]!r} after SIGTERM"
    return wrong


def kill_while_writing(tried: Try) -> str | None:
    """SIGKILL as the next file or checkpoint is half written, by its passing name."""
    delay = tried.rng.exponential(0.004)
    tried.await_a_moment()
    for _ in passing(_LONGEST, tried.command):
        if any(_passing_names(tried.folder)):
            time.sleep(delay)
            break
    return tried.kill()


def kill_resume(tried: Try) -> str | None:
    """SIGKILL while the command finds out where the run was, and reads and compiles."""
    timeline = tried.timeline
    last = timeline.starting + _RESUMING * sum(timeline.stages.values())
    at = Moment("", tried.rng.uniform(_EARLY, max(_EARLY, last)))
    at.await_in(tried.command, tried.folder, tried.timeline.starting)
    return tried.kill()


RESUME = "SIGKILL during a resume"

WAYS: dict[str, Way] = {
    "SIGKILL at any moment": kill_anywhere,
    "SIGTERM with a grace period": terminate,
    "SIGKILL while a file is written": kill_while_writing,
    RESUME: kill_resume,
}


def stage_of(folder: pathlib.Path, stages: Iterable[str]) -> str:
    """The stage that an interruption met: the first that is not done."""
    for stage in stages:
        begun = folder / stage
        if begun.is_dir() and not (begun / "done.json").exists():
            return stage
    return "between"


def _wrong(command: Command, status: int, expected: int) -> str | None:
    """Whether a command ended as it was told to, by itself, or in a fault."""
    if status == expected:
        return ""
    return f"exit status {status}: {command.said[-300:]}" if status else None


def _passing_names(folder: pathlib.Path) -> Iterable[str]:
    """Of files that are being written, and of checkpoints that are not yet named."""
    for name in _WATCHED:
        for entry in _scan(folder / name):
            passing_name = entry.name.endswith(".part") or "-tmp" in entry.name
            if passing_name:
                yield f"{entry.path} {entry.inode()}"


def _scan(folder: pathlib.Path) -> list[Any]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # not there yet, or gone
        return []
