"""Pieces of work in threads: what computes in compiled programs runs at the same time.

A compiled program lets other threads go on while it runs, and small operations do not
fill the cores of a machine alone.
"""

import collections
import concurrent.futures
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from qnas_jax.stopping import Stopped

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_PATIENCE = 0.2  # seconds between two looks at whether the user asked to stop


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(
    work: Callable[[Piece, Callable[[], bool]], Result],
    pieces: Sequence[Piece],
    workers: int,
    should_stop: Callable[[], bool],
) -> Iterator[tuple[Piece, Result]]:
    """Does pieces of work, some at the same time.

    Args:
      work: (piece, stops) -> result; asks `stops` now and then, and raises `Stopped`
        when it says yes.
      pieces: in the order in which they begin.
      workers: pieces at the same time.
      should_stop: asked in this thread, before each piece and every now and then.

    Yields:
      A piece and its result, as soon as it has ended.

    Raises:
      Stopped: `should_stop` answered yes; pieces that had ended were yielded.
    """
    stopping = threading.Event()
    waiting = collections.deque(pieces)
    running: dict[concurrent.futures.Future[Result], Piece] = {}
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            while waiting or running:
                if should_stop():
                    stopping.set()
                    waiting.clear()
                while waiting and len(running) < workers:
                    piece = waiting.popleft()
                    running[pool.submit(work, piece, stopping.is_set)] = piece
                done, _ = concurrent.futures.wait(
                    running,
                    timeout=_PATIENCE,
                    return_when=concurrent.futures.FIRST_COMPLETED,
                )
                for future in done:
                    piece = running.pop(future)
                    if not isinstance(future.exception(), Stopped):
                        yield piece, future.result()
            if stopping.is_set():
                raise Stopped
        finally:
            stopping.set()  # Whatever went wrong, those that run need not go on.
