"""How a run ends because somebody asked it to: a request, not an error.

The first signal is a request that loops ask for, so that what was computed is saved;
the second ends the process at once.
"""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NoReturn

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # Windows knows no hang-up.
)
"""Ctrl-C, what batch systems and shutdowns send, and a terminal that was closed."""


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """The user asked to stop; carries the state to save."""

    def __init__(self, state: Any = None):
        super().__init__("stopped on request")
        self.state = state


def exit_status(number: int) -> int:
    """The exit status of a process that a signal ended, as shells have it."""
    return 128 + number


def stop_line(command: Sequence[str], how: str = "stopped") -> str:
    """The last word of a run that was stopped: how to go on."""
    return f"{how}; to go on: {shlex.join(command)}\n"


def end_at_once(number: int, line: str) -> NoReturn:
    """Ends the process within a signal's handler.

    Nothing is unwound, as what a library was about to do would only end in tracebacks;
    files are whole at any time.

    Args:
      number: of the signal.
      line: written to the standard error.
    """
    with contextlib.suppress(OSError):  # The terminal may be gone.
        os.write(2, line.encode())
    os._exit(exit_status(number))


def end_on_signals(command: Sequence[str]) -> None:
    """Lets signals end the process with one line, as long as no run has begun.

    Args:
      command: the command line, as it is shown.
    """
    _handle_signals(lambda number, frame: end_at_once(number, stop_line(command)))
    release_signals()


def hold_signals() -> None:
    """Keeps signals waiting, also over `exec`, until `release_signals`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def release_signals() -> None:
    """Lets signals come, those first that waited."""
    if hasattr(signal, "pthread_sigmask"):  # Windows has none, and holds none.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _handle_signals(handler: Callable[[int, Any], None]) -> dict[int, Any]:
    """Sets a handler of `SIGNALS`; the previous ones by number.

    A process that was started to ignore a signal (`nohup`) goes on ignoring it, all but
    Ctrl-C, which shells let background processes ignore.
    """
    previous = {}
    for number in SIGNALS:
        if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
            previous[number] = signal.signal(number, handler)
    return previous


def _interrupt(number: int) -> None:
    raise KeyboardInterrupt


class StopRequest:
    """Turns the first of `SIGNALS` into a request that loops ask for.

    Used as a context manager; calling it says whether a stop was asked for.

    Attributes:
      number: of the signal that asked; that of Ctrl-C as long as none has.
      patient: whether the first signal is a request; else it ends the process at once.
    """

    def __init__(self, at_once: Callable[[int], None] = _interrupt) -> None:
        """Nothing is asked for yet.

        Args:
          at_once: what the second signal does, given its number.
        """
        self.number: int = signal.SIGINT
        self.patient = True
        self._at_once = at_once
        self._asked = False
        self._previous: dict[int, Any] = {}
        self._terminals: list[int] = []

    def __call__(self) -> bool:
        """Whether the user asked to stop."""
        return self._asked

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._asked or not self.patient:
            self._at_once(number)
            return
        self._asked, self.number = True, number
        try:
            sys.stderr.write("\nstopping after the present step (again: at once)\n")
            sys.stderr.flush()
        except OSError:
            # The terminal is gone, and no later word may fail for that.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for descriptor in self._terminals:
                os.dup2(nowhere, descriptor)

    def __enter__(self) -> "StopRequest":
        self._terminals = [number for number in (1, 2) if os.isatty(number)]
        self._previous = _handle_signals(self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
