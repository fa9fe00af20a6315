"""Who works on what in a shared folder, without a coordinator.

A claim is a file that appears whole and is never changed or removed: `<name>.0` for the
first who works on it, `<name>.1` for whoever takes over when the first is dead, and so
on. Only one process can make a file of a number, so only one takes over. A holder is
dead if its process is gone, which is seen at once on its own machine, or if it has not
touched its claim for some time. Clocks of machines are not compared: times are those of
the file system. A holder that was only thought to be dead does no harm but double work.
"""

import contextlib
import json
import os
import pathlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from qnas_jax.files import replace_file

LEASE = 120.0
"""Seconds after which a claim counts for nothing, unless its holder has touched it."""

_BEATS = 6  # touches in that time


class Claims:
    """The claims in one folder."""

    def __init__(self, folder: pathlib.Path, lease: float = LEASE):
        """Makes the folder.

        Args:
          folder: on a file system that all processes share.
          lease: seconds, the same for all processes.
        """
        self._folder = folder
        self._lease = lease
        folder.mkdir(parents=True, exist_ok=True)
        self.owner = f"{socket.gethostname()}-{os.getpid()}"

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Whether a name is this process's as long as the context lasts.

        Args:
          name: of the work; a file name.
        """
        claim = self._take(name)
        if claim is None:
            yield False
            return
        stop = threading.Event()
        beat = threading.Thread(target=self._touch, args=(claim, stop), daemon=True)
        beat.start()
        try:
            yield True
        finally:
            stop.set()
            beat.join()

    def give_up(self, name: str) -> None:
        """Leaves a name to others, though this process lives on."""
        _given_up(self._newest(name)).touch()

    def _take(self, name: str) -> pathlib.Path | None:
        claim = self._newest(name)
        if claim.exists():
            if self._is_alive(claim):
                return None
            claim = self._folder / f"{name}.{int(claim.suffix[1:]) + 1}"
        return claim if self._make(claim) else None

    def _newest(self, name: str) -> pathlib.Path:
        """The last claim; the first that can be made, if there is none."""
        number = 0
        while (self._folder / f"{name}.{number + 1}").exists():
            number += 1
        return self._folder / f"{name}.{number}"

    def _make(self, claim: pathlib.Path) -> bool:
        """Makes a file with all its content, unless there is one."""
        draft = self._folder / f".{self.owner}"
        content = {"place": _place(), "process": os.getpid(), "born": _born("self")}
        draft.write_text(json.dumps(content), encoding="utf-8")
        try:
            os.link(draft, claim)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def _is_alive(self, claim: pathlib.Path) -> bool:
        if _given_up(claim).exists():
            return False
        try:
            holder: dict[str, Any] = json.loads(claim.read_text(encoding="utf-8"))
        except ValueError:  # not ours; its age decides
            holder = {}
        if holder.get("place") == _place() and holder.get("born"):
            return bool(_born(str(holder["process"])) == holder["born"])
        return self._now() - claim.stat().st_mtime < self._lease

    def _now(self) -> float:
        """The time on the clock that stamps files."""
        clock = self._folder / f".{self.owner}.clock"
        clock.touch()
        try:
            return clock.stat().st_mtime
        finally:
            clock.unlink()

    def _touch(self, claim: pathlib.Path, stop: threading.Event) -> None:
        while not stop.wait(self._lease / _BEATS):
            with contextlib.suppress(OSError):  # the next touch may succeed
                os.utime(claim)


def _given_up(claim: pathlib.Path) -> pathlib.Path:
    return claim.with_name(f".{claim.name}.over")


def _place() -> str:
    """Where process numbers mean something: a machine since it was started."""
    words = [socket.gethostname()]
    with contextlib.suppress(OSError):  # not on Linux
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text("utf-8")
        words += [boot.strip(), os.readlink("/proc/self/ns/pid")]
    return " ".join(words)


def _born(process: str) -> str:
    """When a process was started, as the system counts; "" if it is gone or unknown."""
    try:
        stat = pathlib.Path(f"/proc/{process}/stat").read_text("utf-8")
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def publish(path: pathlib.Path, content: bytes, owner: str) -> None:
    """Writes a file that several processes may write, the same or another way.

    Args:
      path: the file; it is there whole or not at all.
      content: all of it.
      owner: of this process alone.
    """
    own = path.with_name(f".{path.name}.{owner}")
    replace_file(own, content)
    os.replace(own, path)
