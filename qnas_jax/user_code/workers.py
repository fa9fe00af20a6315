"""Processes that run a user's function: what fails there, or never ends, fails alone.

Processes start afresh (`spawn`), so they inherit nothing of this one: no JAX, no
locks, no open files. A call runs in one process at a time; one that ends, or is ended
because its time is over, is replaced. Which process answers which call does not matter
to the answers, nor does their number.
"""

import collections
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.status import Status
from qnas_jax.stopping import SIGNALS, Stopped
from qnas_jax.user_code.calls import Outcome, UserFunction

_MOST_STARTS = 3  # of a process that ends before it is ready
_WORTH_ANOTHER_TRY = (Status.ERROR, Status.TIMEOUT, Status.DIED)

Call = tuple[Any, Mapping[str, Any], int | None]
"""The arguments of `UserFunction`."""


def _serve(connection: Any, make: Callable[[], UserFunction]) -> None:
    """Runs in the process: answers calls until nobody asks any more."""
    # Signals go to all processes of a terminal or a batch job. The first one decides
    # what they mean; an evaluation that they ended would look as if it had failed.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        function = make()
    except UserError as error:
        connection.send(str(error))
        return
    connection.send("")
    try:
        while True:
            connection.send(function(*connection.recv()))
    except (EOFError, OSError):
        return


@dataclasses.dataclass
class _Worker:
    """A process and what it is doing.

    Attributes:
      process: the process.
      connection: to it.
      ready: whether it has loaded the user's file.
      call: number of the call that it works on, None while it has none.
      deadline: `time.monotonic` at which that has to be done.
    """

    process: Any
    connection: Any
    ready: bool = False
    call: int | None = None
    deadline: float = float("inf")


class Workers:
    """A fixed number of processes that answer calls of one function."""

    def __init__(
        self,
        make: Callable[[], UserFunction],
        count: int,
        time_limit: float,
        *,
        name: str,
        remedy: str = "",
    ):
        """Nothing is started yet.

        Args:
          make: makes the function in a process; it can be sent there.
          count: processes.
          time_limit: seconds that a call may take; 0: as long as it likes.
          name: what the function is called in errors.
          remedy: what to do where processes cannot start.
        """
        self._remedy = remedy
        self._make = make
        self._name = name
        self._count = count
        self._time_limit = time_limit or float("inf")
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def run(
        self,
        calls: Sequence[Call],
        retries: int,
        *,
        tell: Callable[[int, Outcome], object] = lambda number, outcome: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> list[Outcome]:
        """Answers calls, as many at a time as there are processes.

        Args:
          calls: what is asked.
          retries: how often a call that failed is tried again.
          tell: is told the number of each call and its outcome when it is known.
          should_stop: asked before a call begins.

        Returns:
          The outcomes, in the order of the calls.

        Raises:
          UserError: the file cannot be loaded in a process of its own.
          Stopped: `should_stop` answered yes; the calls that had begun are answered.
        """
        outcomes: dict[int, Outcome] = {}
        tries = collections.Counter[int]()
        waiting = collections.deque(range(len(calls)))
        while len(outcomes) < len(calls):
            if should_stop():
                waiting.clear()
                if all(worker.call is None for worker in self._workers):
                    raise Stopped
            self._fill(len(waiting))
            for worker in self._workers:
                if worker.ready and worker.call is None and waiting:
                    self._assign(worker, waiting, calls)
            for number, outcome in self._wait():
                tries[number] += 1
                again = outcome.status in _WORTH_ANOTHER_TRY
                if again and tries[number] <= retries:
                    waiting.append(number)
                else:
                    outcomes[number] = outcome
                    tell(number, outcome)
        return [outcomes[number] for number in range(len(calls))]

    def close(self) -> None:
        """Ends all processes."""
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    def _fill(self, waiting: int) -> None:
        """Starts processes up to their number, no more than there is work for."""
        busy = sum(worker.call is not None for worker in self._workers)
        while len(self._workers) < min(self._count, busy + waiting):
            ours, theirs = self._context.Pipe()
            process = self._context.Process(
                target=_serve, args=(theirs, self._make), daemon=True
            )
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))

    def _assign(
        self, worker: _Worker, waiting: "collections.deque[int]", calls: Sequence[Call]
    ) -> None:
        number = waiting.popleft()
        worker.call, worker.deadline = number, time.monotonic() + self._time_limit
        with contextlib.suppress(OSError):  # It died; the next wait says so.
            worker.connection.send(calls[number])

    def _wait(self) -> list[tuple[int, Outcome]]:
        """Waits until something happens; calls that ended with their outcomes."""
        first = min(worker.deadline for worker in self._workers)
        patience = None
        if first != float("inf"):
            patience = max(0.0, first - time.monotonic())
        connections = [worker.connection for worker in self._workers]
        heard = multiprocessing.connection.wait(connections, patience)
        ended = []
        for worker in list(self._workers):
            outcome = None
            if worker.connection in heard:
                outcome = self._hear(worker)
            elif time.monotonic() >= worker.deadline:
                self._drop(worker)
                reason = f"took longer than {self._time_limit:g} seconds"
                outcome = Outcome(Status.TIMEOUT, {}, reason, self._time_limit)
            if outcome is not None and worker.call is not None:
                ended.append((worker.call, outcome))
                worker.call, worker.deadline = None, float("inf")
        return ended

    def _hear(self, worker: _Worker) -> Outcome | None:
        """What a process has to say; None if that is only that it is ready."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._drop(worker)
            if not worker.ready:
                self._failed_starts += 1
                if self._failed_starts >= _MOST_STARTS:
                    raise UserError(
                        f"{self._name}: {_MOST_STARTS} processes ended while they "
                        f"loaded the file ({_end_of(worker.process)}){self._remedy}"
                    ) from None
            reason = f"its process ended ({_end_of(worker.process)})"
            return Outcome(Status.DIED, {}, reason)
        if worker.ready:
            return message
        if message:
            raise UserError(message)
        worker.ready = True
        self._failed_starts = 0
        return None

    def _drop(self, worker: _Worker) -> None:
        self._end(worker)
        self._workers.remove(worker)

    @staticmethod
    def _end(worker: _Worker) -> None:
        worker.connection.close()
        worker.process.join(0.1)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _end_of(process: Any) -> str:
    """How a process ended, in words."""
    code = process.exitcode
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"
