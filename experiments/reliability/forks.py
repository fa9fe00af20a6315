"""Commands of `main.py` in forks of one process that has imported everything.

A start costs nothing that way, so that a thousand runs can be killed. The process that
forks never asks JAX for a device, and compares nothing itself.
"""

import json
import os
import pathlib
import runpy
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]


def import_all() -> None:
    """Imports what any command does, before the first fork."""
    import matplotlib.pyplot  # noqa: F401
    import ml_collections.config_flags  # noqa: F401
    import orbax.checkpoint  # noqa: F401

    import qnas_jax.command.parsing
    import qnas_jax.command.running  # noqa: F401


class Command:
    """`python main.py ...`, as it runs.

    Attributes:
      started: `time.monotonic()` of its start.
    """

    def __init__(
        self, arguments: Sequence[str], errors: pathlib.Path, **environment: str
    ):
        """Starts it.

        Args:
          arguments: of the command line.
          errors: what it writes to its standard error; its output is thrown away.
          **environment: variables besides those of this process.
        """
        self._errors = errors
        self._status: int | None = None
        self.started = time.monotonic()
        self._process = _fork(lambda: _run_main(arguments, environment), errors)

    def poll(self) -> int | None:
        """The exit status, negative after a signal; None as long as it runs."""
        if self._status is None:
            number, status = os.waitpid(self._process, os.WNOHANG)
            if number:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, seconds: float = 600.0) -> int:
        """Waits for its end, and kills it when that takes too long."""
        end = time.monotonic() + seconds
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                self.send(signal.SIGKILL)
            time.sleep(0.005)
        return status

    def send(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self._process, number)

    @property
    def said(self) -> str:
        """Its standard error so far."""
        return self._errors.read_text(encoding="utf-8", errors="replace")


def in_fork(function: Callable[[], Any], errors: pathlib.Path) -> Any:
    """The JSON value that a function returns in a process of its own.

    Raises:
      RuntimeError: it failed; the message is what it wrote.
    """
    answer = errors.with_suffix(".json")
    answer.unlink(missing_ok=True)

    def call() -> int:
        answer.write_text(json.dumps(function()), encoding="utf-8")
        return 0

    status = os.waitstatus_to_exitcode(os.waitpid(_fork(call, errors), 0)[1])
    if status:
        raise RuntimeError(errors.read_text(encoding="utf-8"))
    return json.loads(answer.read_text(encoding="utf-8"))


def _fork(function: Callable[[], int], errors: pathlib.Path) -> int:
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads; there is no device yet
        process = os.fork()
    if process:
        return process
    status = 70
    try:
        with open(errors, "w") as file, open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = function()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _run_main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["main.py", *arguments]
    runpy.run_path("main.py", run_name="__main__")
    return 0


def passing(seconds: float, command: Command) -> Iterator[None]:
    """Turns of a loop that ends after a time, or when the command has ended."""
    while command.poll() is None and time.monotonic() - command.started < seconds:
        yield
        time.sleep(0.001)
