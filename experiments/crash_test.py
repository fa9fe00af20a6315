"""Whole jobs that are killed at random moments end as if nothing had happened.

python -m experiments.crash_test [--kills=200] [--seed=0] [--jobs=digits,search,...]
    [--ways=...] [--folder=runs/crash_test] [--out=rows.jsonl]

A try interrupts one command (`experiments/reliability/kills.py`: SIGKILL at a random
moment, while a file is written, during a resume, twice in a row; SIGTERM), gives it
again until it ends, and compares everything that it left, bit for bit but for times,
with an undisturbed run in the same place. Jobs (`reliability/crash_jobs.py`) and ways
take turns. Rows are kept as they come; what is among them is not done again.
"""

import collections
import itertools
import pathlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.measuring.rows import append_rows, provenance, read_rows, table
from experiments.reliability.artefacts import differing, read_artefacts
from experiments.reliability.crash_jobs import JOBS, CrashJob, write_files
from experiments.reliability.forks import Command, import_all, in_fork
from experiments.reliability.kills import WAYS, stage_of
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.jobs import JOBS as KINDS

_DRAWS = 20  # of a moment, until one lies within the run
_RESUMES = 3  # a run that needs more is stuck

STAGES = list(
    dict.fromkeys(
        stage.name
        for job in KINDS.values()
        for chain in job.chains.values()
        for stage in chain
    )
)


class Trial:
    """One job, its undisturbed result, and tries to spoil it."""

    def __init__(self, job: CrashJob, folder: pathlib.Path):
        """Runs the job undisturbed, twice: compiling, then as a killed one will.

        Args:
          job: what is run.
          folder: for the work folder and what the commands say.

        Raises:
          RuntimeError: the job fails, or leaves something else each time.
        """
        self._job = job
        self._folder = folder
        self._workdir = folder / "run"
        first, _ = self._undisturbed()
        self.expected, self.seconds = self._undisturbed()
        others = differing(first, self.expected)
        if others:
            raise RuntimeError(f"two undisturbed runs differ in {', '.join(others)}")

    def attempt(self, way: str, rng: np.random.Generator) -> dict[str, Any]:
        """Interrupts the job once, and has it go on.

        Args:
          way: a key of `WAYS`.
          rng: draws the moment.

        Returns:
          The stage that was met, what went wrong, and which artefacts differ.
        """
        for _ in range(_DRAWS):
            self._clear()
            wrong = WAYS[way](self._start, self._workdir, self.seconds, rng)
            if wrong is not None:
                break
        else:
            raise RuntimeError(f"{way}: no draw of {_DRAWS} met the run")
        stage = stage_of(self._workdir, STAGES)
        status = 1
        for _ in range(_RESUMES):
            command = self._start()
            status = command.wait()
            if status == 0:
                break
        if status and not wrong:
            wrong = f"exit status {status} of a resume: {command.said[-300:]}"
        others = [] if status else differing(self._read(), self.expected)
        survived = not wrong and not others
        if not survived:  # to be looked at
            failed = self._folder / f"failed-{time.strftime('%H%M%S')}"
            shutil.copytree(self._workdir, failed, dirs_exist_ok=True)
        return {
            "stage": stage,
            "survived": survived,
            "wrong": wrong,
            "differing": others,
        }

    def _undisturbed(self) -> tuple[dict[str, str], float]:
        self._clear()
        started = time.monotonic()
        command = self._start()
        if command.wait():
            raise RuntimeError(command.said)
        return self._read(), time.monotonic() - started

    def _clear(self) -> None:
        shutil.rmtree(self._workdir, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)

    def _start(self) -> Command:
        files = self._folder.parent / "files"
        arguments = self._job.arguments(files, self._workdir)
        return Command(arguments, self._folder / "said.txt")

    def _read(self) -> dict[str, str]:
        found: dict[str, str] = in_fork(
            lambda: read_artefacts(self._workdir, self._job.measured),
            self._folder / "read.txt",
        )
        return found


def run(
    jobs: Sequence[str],
    ways: Sequence[str],
    kills: int,
    seed: int,
    folder: pathlib.Path,
    done: Sequence[Mapping[str, Any]] = (),
) -> Iterator[dict[str, Any]]:
    """Interrupts jobs, so many times in all.

    Args:
      jobs: keys of `JOBS`; they take turns, and so do ways.
      ways: keys of `WAYS`.
      kills: tries.
      seed: of all moments.
      folder: for work folders.
      done: rows of before; what they have is not tried again.

    Yields:
      A row a try.
    """
    folder = folder.resolve()
    write_files(folder / "files")
    turns = itertools.cycle([(job, way) for way in ways for job in jobs])
    have = {(row["job"], row["way"], row["number"], row["seed"]) for row in done}
    trials: dict[str, Trial] = {}
    for number, (job, way) in enumerate(itertools.islice(turns, kills)):
        if (job, way, number, seed) in have:
            continue
        if job not in trials:
            trials[job] = Trial(JOBS[job], folder / job)
        rng = np.random.default_rng((seed, number))
        row = {"job": job, "way": way, "number": number, "seed": seed}
        yield {**row, **trials[job].attempt(way, rng)}


def summarise(rows: Sequence[Mapping[str, Any]], field: str) -> list[dict[str, Any]]:
    """Survived and tried by a field of the rows, and in all."""
    tried = collections.Counter(row[field] for row in rows)
    survived = collections.Counter(row[field] for row in rows if row["survived"])
    lines = [
        {field: name, "survived": survived[name], "tried": count}
        for name, count in tried.items()
    ]
    total = {field: "all", "survived": survived.total(), "tried": tried.total()}
    return [*lines, total]


def prepare(folder: pathlib.Path) -> None:
    """Imports everything, and has all runs share a folder of compiled programs."""
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder.resolve() / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    import_all()


def main(_: Sequence[str]) -> None:
    """Prints survived and tried, by way, by job and by stage."""
    folder = pathlib.Path(_FOLDER.value)
    prepare(folder)
    rows = read_rows(_OUT.value)
    jobs, ways = _JOBS.value or list(JOBS), _WAYS.value or list(WAYS)
    made_by = in_fork(provenance, folder / "provenance.txt")  # it asks for a device
    for row in run(jobs, ways, _KILLS.value, _SEED.value, folder, rows):
        append_rows(_OUT.value, [row], made_by)
        rows.append(row)
        if not row["survived"]:
            print(row, flush=True)
    for field in ("way", "job", "stage"):
        print("\n" + table(summarise(rows, field), [field, "survived", "tried"]))


if __name__ == "__main__":
    use_huge_pages()
    _KILLS = flags.DEFINE_integer("kills", 200, "tries", lower_bound=1)
    _SEED = flags.DEFINE_integer("seed", 0, "of the moments", lower_bound=0)
    _JOBS = flags.DEFINE_list("jobs", [], f"some of {', '.join(JOBS)}; all by default")
    _WAYS = flags.DEFINE_list("ways", [], f"some of {', '.join(WAYS)}; all by default")
    _FOLDER = flags.DEFINE_string("folder", "runs/crash_test", "for work folders")
    _OUT = flags.DEFINE_string("out", None, "JSONL file of rows, read and added to")
    app.run(main)
