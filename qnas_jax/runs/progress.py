"""Shows how far a run is: a bar where one can be drawn, elsewhere a line a minute.

A stage takes most of its time in loops that say how far they are. Before the first step
of a loop its program is compiled, which takes seconds to minutes and says nothing; and
some stages have no loop at all. So a thread looks at the clock.
"""

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TextIO

Progress = Callable[[Iterable[int], int, str], Iterable[int]]
"""`progress(steps, total, description)` yields the steps and shows how far it is."""

_VALUES = ("loss", "accuracy", "best")
_UNKNOWN = os.terminal_size((80, 24))  # for a terminal that does not know its size
COMPILING = "compiling"


def draws_bars(stream: TextIO) -> bool:
    """Whether a bar can be drawn anew in its place: on a terminal, in a notebook."""
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")


class Latest(Protocol):
    """Where the newest numbers of a run are."""

    @property
    def latest(self) -> dict[str, Any]:
        """The newest row of metrics; empty before the first."""


class ShownProgress:
    """How far the stages of a run are, for people."""

    def __init__(
        self,
        metrics: Latest | None = None,
        *,
        stream: TextIO | None = None,
        seconds: float = 60.0,
    ):
        """Nothing is shown yet.

        Args:
          metrics: whose newest row is shown beside the bar.
          stream: where to; the standard error if None.
          seconds: between two lines where there are no bars.
        """
        self._metrics = metrics
        self._stream = stream or sys.stderr
        self._seconds = seconds
        self._loop: _Loop | None = None
        self._bar: Any = None

    def say(self, line: str) -> None:
        """Writes a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.write(line, file=self._stream)
            return
        self._stream.write(f"{line}\n")
        self._stream.flush()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Says a line a minute while a stage works, unless there are bars.

        Args:
          name: of the stage.
        """
        started = time.monotonic()

        def tell() -> None:
            minutes = (time.monotonic() - started) / 60
            loop = self._loop
            words = f"{name}: working" if loop is None else loop.words(self._values)
            self.say(f"{words} ({minutes:.0f} min)")

        bars = draws_bars(self._stream)
        try:
            with contextlib.nullcontext() if bars else _each(self._seconds, tell):
                yield
        finally:
            self._end_loop()  # One that an exception has left is still there.

    def __call__(
        self, steps: Iterable[int], total: int, description: str
    ) -> Iterator[int]:
        """Yields the steps; `compiling` stands there until the first is done."""
        loop = self._loop = _Loop(description, total)
        try:
            if draws_bars(self._stream):
                yield from self._with_bar(steps, loop)
                return
            for step in steps:
                yield step
                loop.done += 1
        finally:
            if self._loop is loop:
                self._end_loop()

    def _end_loop(self) -> None:
        bar, self._bar, self._loop = self._bar, None, None
        if bar is not None:
            bar.close()

    def _with_bar(self, steps: Iterable[int], loop: "_Loop") -> Iterator[int]:
        from tqdm import tqdm

        bar = self._bar = tqdm(
            total=loop.total,
            desc=f"{loop.description}: {COMPILING}",
            leave=False,
            file=self._stream,
            **_size(self._stream),
        )
        iterator = iter(steps)
        with _each(1.0, lambda: loop is self._loop and bar.refresh()):
            for step in itertools.islice(iterator, 1):
                yield step
                bar.set_description_str(loop.description, refresh=False)
                self._move(bar, loop)
        for step in iterator:
            yield step
            self._move(bar, loop)

    def _move(self, bar: Any, loop: "_Loop") -> None:
        loop.done += 1
        bar.set_postfix_str(self._values(loop.stage), refresh=False)
        bar.update()

    def _values(self, stage: str) -> str:
        """The newest numbers of a stage, for example `loss 0.31 accuracy 0.92`."""
        row = {} if self._metrics is None else self._metrics.latest
        if row.get("stage") != stage:
            return ""
        found = [(name, row.get(name)) for name in _VALUES]
        return " ".join(f"{n} {v:.4g}" for n, v in found if isinstance(v, float | int))


class _Loop:
    """How far one loop is."""

    def __init__(self, description: str, total: int):
        self.description, self.total = description, total
        self.stage = description.replace("/", " ").partition(" ")[0]
        self.done = 0

    def words(self, values: Callable[[str], str]) -> str:
        if not self.done:
            return f"{self.description}: {COMPILING}"
        found = values(self.stage)
        share = f"{self.done} of {self.total} ({100 * self.done // self.total} %)"
        return f"{self.description}: {share}{', ' if found else ''}{found}"


@contextlib.contextmanager
def _each(seconds: float, call: Callable[[], object]) -> Iterator[None]:
    """Calls a function again and again from another thread."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(seconds):
            with contextlib.suppress(OSError, ValueError):  # The stream may be gone.
                call()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _size(stream: TextIO) -> dict[str, Any]:
    """The size of the terminal, as tqdm takes it: of 0 x 0 it shows nothing."""
    try:
        known = min(os.get_terminal_size(stream.fileno())) > 0
    except OSError:
        known = False
    if known:
        return {"dynamic_ncols": True}
    return {"ncols": _UNKNOWN.columns, "nrows": _UNKNOWN.lines}


def progress(steps: Iterable[int], total: int, description: str) -> Iterable[int]:
    """Shows a bar with rate and time left; silent where none can be drawn."""
    return ShownProgress()(steps, total, description)
