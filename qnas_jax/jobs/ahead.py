"""Programs of what comes next, compiled while the present work computes.

Compiling leaves other threads alone, and a training of small networks leaves cores
idle. So a stage that has its own programs lets those be compiled which come next, in
one thread: they are called once with values that mean nothing, and nobody reads what
they give. Nothing depends on it: what fails here, or was not begun in time, is compiled
by whoever needs it, and programs and results are the same.
"""

import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax

from qnas_jax.devices import Devices

Work = Callable[[], Any]


def pays(devices: Devices) -> bool:
    """Whether there is a core to spare, and nobody else to agree with.

    On an accelerator the calls would take memory from the present work.
    """
    from qnas_jax.training import num_cores  # not for jobs without networks

    return jax.default_backend() == "cpu" and devices.count == 1 and num_cores() > 1


class Ahead:
    """What is done ahead; nothing outside of `at_work`."""

    def __init__(self) -> None:
        """Nothing is begun."""
        self._devices: Devices | None = None
        self._pool: concurrent.futures.Executor | None = None
        self._begun: dict[str, concurrent.futures.Future[Any]] = {}
        self._offered: tuple[str, Work] | None = None

    @contextlib.contextmanager
    def at_work(self, devices: Devices) -> Iterator[None]:
        """Work may begin within; at the end, what runs is waited for, and no more.

        Args:
          devices: those of the run.

        Yields:
          Nothing.
        """
        self._devices = devices
        try:
            yield
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
            self._devices = self._pool = self._offered = None
            self._begun = {}

    def offer(self, name: str, work: Work | None) -> None:
        """Says what the next stage would have done; it replaces the last offer.

        Args:
          name: of the work.
          work: does it; None: nothing can be done.
        """
        self._offered = None if work is None else (name, work)

    def begin_offered(self) -> None:
        """Begins what was offered, once."""
        if self._offered is not None:
            self.begin(*self._offered)
            self._offered = None

    def begin(self, name: str, work: Work) -> None:
        """Does some work in the thread, after all that was begun before.

        Args:
          name: for `wait`; work of a name that was begun is not done again.
          work: must change nothing that results depend on.
        """
        if self._devices is None or name in self._begun:
            return
        if self._pool is None and pays(self._devices):
            self._pool = concurrent.futures.ThreadPoolExecutor(1, "ahead")
        if self._pool is not None:
            self._begun[name] = self._pool.submit(work)

    def wait(self, name: str) -> Any:
        """Waits for work that runs, and takes back what waits.

        Args:
          name: of the work.

        Returns:
          Its result; None if there is none.
        """
        future = self._begun.pop(name, None)
        if future is None or future.cancel():
            return None
        concurrent.futures.wait([future])
        return None if future.exception() else future.result()
