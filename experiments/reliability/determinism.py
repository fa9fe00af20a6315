"""The same run twice, and on another number of devices: which artefacts differ?

python -m experiments.reliability.determinism [--jobs=digits,search,...]
    [--devices=1,8] [--folder=runs/determinism] [--out=rows.jsonl]

Every job of the crash test (`experiments/reliability/crash_jobs.py`) runs in processes
of their own, in the same work folder one after the other, with the host's processors
as so many devices. All that they leave is compared bit for bit but for times; where the
bits are not the same, the numbers are (`experiments/reliability/numbers.py`).
"""

import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from absl import app, flags

from experiments.crash_test import prepare
from experiments.measuring.rows import append_rows, provenance, table
from experiments.reliability.artefacts import differing, read_artefacts
from experiments.reliability.crash_jobs import JOBS, CrashJob, write_files
from experiments.reliability.forks import Command, in_fork
from experiments.reliability.numbers import differences, read_numbers
from qnas_jax.huge_pages import use_huge_pages

_DEVICES = "--xla_force_host_platform_device_count="
_SHOWN = 12  # differences of a job


def run(
    jobs: Sequence[str], devices: Sequence[int], folder: pathlib.Path
) -> Iterator[dict[str, Any]]:
    """Runs jobs again and again.

    Args:
      jobs: keys of `JOBS`.
      devices: how many each process sees, a run each.
      folder: for the work folder.

    Yields:
      A row a job and further run: artefacts, which differ from the first run's, and by
      how much the numbers do.
    """
    folder = folder.resolve()
    write_files(folder / "files")
    for name in jobs:
        runs = (_run_and_read(JOBS[name], folder, count) for count in devices)
        (first, first_numbers), *others = runs
        for count, (found, numbers) in zip(devices[1:], others, strict=True):
            by = differences(first_numbers, numbers)
            yield {
                "job": name,
                "devices": f"{devices[0]}, {count}",
                "artefacts": len(first),
                "differing": ", ".join(differing(first, found)) or "none",
                "largest difference": max(by.values(), default=0.0),
                "differences": by,
            }


def _run_and_read(
    job: CrashJob, folder: pathlib.Path, devices: int
) -> tuple[dict[str, str], dict[str, list[float]]]:
    """Artefacts and numbers of a run."""
    workdir, said = folder / "run", folder / "said.txt"
    shutil.rmtree(workdir, ignore_errors=True)
    flags_of_xla = f"{os.environ.get('XLA_FLAGS', '')} {_DEVICES}{devices}"
    arguments = job.arguments(folder / "files", workdir)
    command = Command(arguments, said, XLA_FLAGS=flags_of_xla)
    if command.wait():
        raise RuntimeError(command.said)
    found = in_fork(
        lambda: [read_artefacts(workdir, job.measured), read_numbers(workdir)],
        folder / "read.txt",
    )
    return found[0], found[1]


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    folder = pathlib.Path(_FOLDER.value)
    prepare(folder)
    devices = [int(count) for count in _COUNTS.value]
    made_by = in_fork(provenance, folder / "provenance.txt")  # it asks for a device
    rows = []
    for row in run(_JOBS.value or list(JOBS), devices, folder):
        append_rows(_OUT.value, [row], made_by)
        rows.append(row)
    print(table(rows, [name for name in rows[0] if name != "differences"]))
    for row in rows:
        for name, by in list(row["differences"].items())[:_SHOWN]:
            print(f"{row['job']} on {row['devices']} devices, {name}: {by:.2g}")


if __name__ == "__main__":
    use_huge_pages()
    _JOBS = flags.DEFINE_list("jobs", [], f"some of {', '.join(JOBS)}; all by default")
    _COUNTS = flags.DEFINE_list("devices", ["1", "1", "8"], "of each run")
    _FOLDER = flags.DEFINE_string("folder", "runs/determinism", "for work folders")
    _OUT = flags.DEFINE_string("out", None, "JSONL file that rows are added to")
    app.run(main)
