"""Processes that compile side by side, and measure one after the other.

Compiling takes processors, measuring the accelerator. A process that is to take turns
finds a folder in its environment: it leaves a mark there when it has compiled, waits
until the others have, and holds a lock from then on to its end.
"""

import fcntl
import os
import pathlib
import time
from collections.abc import Iterable
from typing import Any

_FOLDER, _NAME = "QNAS_TURNS", "QNAS_TURN"
_held: list[Any] = []  # the lock, as long as the process lives


def environment(folder: pathlib.Path, names: Iterable[str]) -> dict[str, str]:
    """What processes that take turns are to find in their environment.

    Args:
      folder: where they meet; empty.
      names: of all of them.
    """
    (folder / "names").write_text("\n".join(names), encoding="utf-8")
    return {_FOLDER: str(folder)}


def named(environment: dict[str, str], name: str) -> dict[str, str]:
    """The environment of one of them; nothing for one that takes no turns."""
    return {**environment, _NAME: name} if environment else {}


def ended(folder: pathlib.Path, name: str) -> None:
    """Says that nobody needs to wait for a process any more."""
    (folder / f"{name}.ready").touch()


def take(*, wait: bool = True, seconds: float = 600.0) -> None:
    """Waits for the turn of this process; at once if it takes none.

    Args:
      wait: until all others have compiled, or have ended.
      seconds: the longest time to wait for them.
    """
    if _FOLDER not in os.environ or _held:
        return
    folder = pathlib.Path(os.environ[_FOLDER])
    ended(folder, os.environ[_NAME])
    names = (folder / "names").read_text(encoding="utf-8").splitlines()
    stop = time.monotonic() + (seconds if wait else 0.0)
    while time.monotonic() < stop:
        if all((folder / f"{each}.ready").exists() for each in names):
            break
        time.sleep(0.1)
    lock = (folder / "lock").open("w", encoding="utf-8")
    fcntl.flock(lock, fcntl.LOCK_EX)
    _held.append(lock)
