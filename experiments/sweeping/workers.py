"""Processes that work through a grid: on this machine, or as jobs of a cluster."""

import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qnas_jax.errors import UserError

ROOT = pathlib.Path(__file__).resolve().parents[2]
_HOPELESS = 5  # workers that die one after the other, while no cell is finished


Process = subprocess.Popen[bytes]


def run_workers(
    command: Sequence[str],
    workers: int,
    folder: pathlib.Path,
    interval: float = 0.2,
    watch: Callable[[Iterable[Process]], object] = lambda processes: None,
) -> None:
    """Runs so many processes of a command to their end.

    One that dies by a signal is started again; what one says is in `workers/<n>.log`.

    Args:
      command: that works in the folder.
      workers: how many at once.
      folder: the shared folder.
      interval: seconds between two looks at them.
      watch: called with those that run at each look.

    Raises:
      UserError: a worker failed, or they die again and again.
    """
    logs = folder / "workers"
    logs.mkdir(parents=True, exist_ok=True)
    processes = {number: _start(command, logs, number) for number in range(workers)}
    deaths, finished = 0, -1
    try:
        while processes:
            time.sleep(interval)
            watch(processes.values())
            for number, process in list(processes.items()):
                status = process.poll()
                if status is None:
                    continue
                del processes[number]
                if status > 0:
                    raise UserError(_last_words(logs / f"{number}.log", status))
                if status < 0:
                    now = sum(1 for _ in (folder / "cells").glob("*.jsonl"))
                    deaths = deaths + 1 if now == finished else 0
                    finished = now
                    if deaths >= _HOPELESS:
                        raise UserError(_last_words(logs / f"{number}.log", status))
                    processes[number] = _start(command, logs, number)
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def _start(command: Sequence[str], logs: pathlib.Path, number: int) -> Process:
    with open(logs / f"{number}.log", "ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def _last_words(log: pathlib.Path, status: int) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    words = [line for line in lines if line.strip()][-1:] or ["nothing said"]
    return f"{log}: a worker ended with status {status}: {words[0][:300]}"


class Worker:
    """A process of a command, as submitit takes it to another machine."""

    def __init__(self, command: Sequence[str]):
        """Starts nothing yet."""
        self._command = list(command)

    def __call__(self) -> None:
        """Works; raises `subprocess.CalledProcessError` if the command fails."""
        subprocess.run(self._command, cwd=ROOT, check=True)

    def checkpoint(self) -> Any:
        """What is queued again after a pre-emption or a time limit: the same.

        All that is finished lies in the shared folder.
        """
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def submit(
    command: Sequence[str],
    workers: int,
    folder: pathlib.Path,
    options: Mapping[str, Any],
    *,
    cluster: str = "slurm",
) -> list[Any]:
    """Queues so many workers.

    Args:
      command: that works in the folder.
      workers: how many.
      folder: the shared folder; jobs leave their logs in `jobs/`.
      options: of submitit's `AutoExecutor.update_parameters`, such as `timeout_min`.
      cluster: `slurm`; or `local`, processes of this machine as submitit starts them.

    Returns:
      Submitit's jobs.

    Raises:
      UserError: submitit is not there, or there is no such cluster or option.
    """
    try:
        import submitit
    except ImportError:
        raise UserError(
            "--scheduler=slurm: got no submitit, expected it; pip install -c "
            "constraints.txt -e '.[cluster]'"
        ) from None
    try:
        executor = submitit.AutoExecutor(folder / "jobs", cluster=cluster)
        executor.update_parameters(name="qnas_jax", **options)
        with executor.batch():
            return [executor.submit(Worker(command)) for _ in range(workers)]
    except (RuntimeError, NameError, TypeError, ValueError, OSError) as error:
        words = " ".join(str(error).split())[:300]
        raise UserError(f"--scheduler={cluster}: {words}") from None


def command_of(words: str, folder: pathlib.Path) -> list[str]:
    """The command of a worker.

    Args:
      words: module and flags, as "experiments.comparisons.samplers --seeds=0,1".
      folder: the shared folder.
    """
    module, *arguments = words.split()
    return [sys.executable, "-m", module, *arguments, f"--dir={folder.resolve()}"]
