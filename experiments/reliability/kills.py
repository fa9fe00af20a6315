"""Ways to interrupt a command, and to go on after it.

Each begins in an empty work folder, interrupts, and leaves the folder for the same
command to go on. A command that ended before its interruption is no try.
"""

import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from experiments.reliability.forks import Command, passing

Start = Callable[[], Command]
Way = Callable[[Start, pathlib.Path, float, np.random.Generator], str | None]
"""(start, work folder, seconds of a whole run, random numbers) -> what went wrong, ""
if nothing did, None if the command ended before it was interrupted."""

GRACE = 120.0
"""Seconds that a command may take to end after SIGTERM."""

_TERMINATED = 128 + signal.SIGTERM
_EARLY = 0.3  # seconds; before that nothing but Python has run
_WATCHED = (
    *(".", "supernet", "supernet/checkpoints", "reference", "search"),
    *("retrain/winner", "retrain/winner/checkpoints", "rank", "benchmark", "solve"),
)


def kill_anywhere(
    start: Start, folder: pathlib.Path, seconds: float, rng: np.random.Generator
) -> str | None:
    """SIGKILL at a moment drawn from a whole run."""
    return _after(start(), rng.uniform(_EARLY, seconds), signal.SIGKILL)


def terminate(
    start: Start, folder: pathlib.Path, seconds: float, rng: np.random.Generator
) -> str | None:
    """SIGTERM, as batch systems send it; the command is to end as after Ctrl-C."""
    command = start()
    moment = rng.uniform(_EARLY, seconds)
    for _ in passing(moment, command):
        pass
    command.send(signal.SIGTERM)
    status = command.wait(GRACE)
    if status == 0:
        return None
    said = command.said
    if status == -signal.SIGKILL:
        return f"still there {GRACE:g} s after SIGTERM"
    if status != _TERMINATED:
        return f"exit status {status} after SIGTERM: {said[-300:]}"
    if "to go on: " not in said.splitlines()[-1] or "Traceback" in said:
        return f"said {said[-300:]!r} after SIGTERM"
    return ""


def kill_while_writing(
    start: Start, folder: pathlib.Path, seconds: float, rng: np.random.Generator
) -> str | None:
    """SIGKILL as a file or a checkpoint is half written, by its passing name."""
    wanted, delay = int(rng.integers(1, 25)), rng.exponential(0.004)
    command, seen = start(), set[str]()
    for _ in passing(GRACE, command):
        seen.update(_passing_names(folder))
        if len(seen) >= wanted:
            time.sleep(delay)
            command.send(signal.SIGKILL)
    return "" if command.wait() == -signal.SIGKILL else None


def kill_resume(
    start: Start, folder: pathlib.Path, seconds: float, rng: np.random.Generator
) -> str | None:
    """SIGKILL at any moment, and again while the run finds out where it was."""
    first = kill_anywhere(start, folder, seconds, rng)
    if first is None:
        return None
    return _after(start(), rng.uniform(_EARLY, 0.4 * seconds), signal.SIGKILL) or first


def kill_twice(
    start: Start, folder: pathlib.Path, seconds: float, rng: np.random.Generator
) -> str | None:
    """SIGKILL at any moment, and at any moment of what is left."""
    first = kill_anywhere(start, folder, 0.8 * seconds, rng)
    if first is None:
        return None
    return kill_anywhere(start, folder, seconds, rng) or first


WAYS: dict[str, Way] = {
    "SIGKILL at any moment": kill_anywhere,
    "SIGTERM with a grace period": terminate,
    "SIGKILL while a file is written": kill_while_writing,
    "SIGKILL during a resume": kill_resume,
    "SIGKILL twice in a row": kill_twice,
}


def stage_of(folder: pathlib.Path, stages: Iterable[str]) -> str:
    """The stage that an interruption met: the first that is not done."""
    for stage in stages:
        begun = folder / stage
        if begun.is_dir() and not (begun / "done.json").exists():
            return stage
    return "between"


def _after(command: Command, seconds: float, number: int) -> str | None:
    for _ in passing(seconds, command):
        pass
    command.send(number)
    return "" if command.wait() == -number else None


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
