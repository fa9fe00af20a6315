"""The same run twice, and on another number of devices: which artefacts differ?

python -m experiments.reliability.determinism [--jobs=digits,search,...]
    [--devices=1,8] [--folder=runs/determinism]

Every job of the crash test (`experiments/reliability/crash_jobs.py`) runs in processes
of their own, in the same work folder one after the other, with the host's processors
as so many devices. All that they leave is compared bit for bit but for times.
"""

import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from absl import app, flags

from experiments.crash_test import prepare
from experiments.measuring.rows import table
from experiments.reliability.artefacts import differing, read_artefacts
from experiments.reliability.crash_jobs import JOBS, CrashJob, write_files
from experiments.reliability.forks import Command, in_fork
from qnas_jax.huge_pages import use_huge_pages

_DEVICES = "--xla_force_host_platform_device_count="


def run(
    jobs: Sequence[str], devices: Sequence[int], folder: pathlib.Path
) -> Iterator[dict[str, Any]]:
    """Runs jobs again and again.

    Args:
      jobs: keys of `JOBS`.
      devices: how many each process sees, a run each.
      folder: for the work folder.

    Yields:
      A row a job and further run: artefacts, and which differ from the first run's.
    """
    folder = folder.resolve()
    write_files(folder / "files")
    for name in jobs:
        first, *others = (_artefacts(JOBS[name], folder, each) for each in devices)
        for count, found in zip(devices[1:], others, strict=True):
            yield {
                "job": name,
                "devices": f"{devices[0]}, {count}",
                "artefacts": len(first),
                "differing": ", ".join(differing(first, found)) or "none",
            }


def _artefacts(job: CrashJob, folder: pathlib.Path, devices: int) -> dict[str, str]:
    workdir, said = folder / "run", folder / "said.txt"
    shutil.rmtree(workdir, ignore_errors=True)
    flags_of_xla = f"{os.environ.get('XLA_FLAGS', '')} {_DEVICES}{devices}"
    arguments = job.arguments(folder / "files", workdir)
    command = Command(arguments, said, XLA_FLAGS=flags_of_xla)
    if command.wait():
        raise RuntimeError(command.said)
    found: dict[str, str] = in_fork(
        lambda: read_artefacts(workdir, job.measured), folder / "read.txt"
    )
    return found


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    folder = pathlib.Path(_FOLDER.value)
    prepare(folder)
    devices = [int(count) for count in _COUNTS.value]
    rows = list(run(_JOBS.value or list(JOBS), devices, folder))
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    use_huge_pages()
    _JOBS = flags.DEFINE_list("jobs", [], f"some of {', '.join(JOBS)}; all by default")
    _COUNTS = flags.DEFINE_list("devices", ["1", "1", "8"], "of each run")
    _FOLDER = flags.DEFINE_string("folder", "runs/determinism", "for work folders")
    app.run(main)
