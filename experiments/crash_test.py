"""Whole jobs that are killed at random moments end as if nothing had happened.

python -m experiments.crash_test [--kills=200] [--seed=0] [--jobs=digits,search,...]
    [--ways=...] [--lives=8] [--minutes=20] [--folder=runs/crash_test]
    [--out=rows.jsonl]

A life (`experiments/reliability/lives.py`) is one run that is interrupted up to
`--lives` times, and given its command again each time, until it ends: SIGKILL at a
random moment of what is left, while a file is written, during a resume; SIGTERM
(`reliability/kills.py`). Everything that it leaves is compared, bit for bit but for
times, with an undisturbed run in the same place. An interruption counts once a command
has gone on from it and the end was reached; if the end is not the same, the one that
spoilt it is looked for. Jobs (`reliability/crash_jobs.py`) take turns. Rows are kept
life by life; what is among them is not done again.
"""

import collections
import functools
import itertools
import json
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
from experiments.reliability.kills import WAYS, Timeline, stage_of
from experiments.reliability.lives import Life
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.jobs import JOBS as KINDS

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
    """One job, its undisturbed result, and lives that try to spoil it."""

    def __init__(self, job: CrashJob, folder: pathlib.Path, made_by: str):
        """Runs the job undisturbed, twice: compiling, then as a killed one will.

        Args:
          job: what is run.
          folder: for the work folder and what the commands say.
          made_by: what the result depends on besides; with the same, the result that
            lies in the folder is taken.

        Raises:
          RuntimeError: the job fails, or leaves something else each time.
        """
        self._job = job
        self._folder = folder
        self._workdir = folder / "run"
        kept = folder / "undisturbed.json"
        known = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        if known.get("made_by") != made_by:
            found, timeline = self._undisturbed_twice()
            known = {"made_by": made_by, "artefacts": found, "timeline": timeline}
            kept.write_text(json.dumps(known), encoding="utf-8")
        self.expected: dict[str, str] = known["artefacts"]
        self.timeline = Timeline(**known["timeline"])

    def live(
        self, ways: Sequence[str], most: int, rng: np.random.Generator
    ) -> Iterator[dict[str, Any]]:
        """Interrupts a run of the job, up to so many times.

        Args:
          ways: keys of `WAYS`.
          most: interruptions.
          rng: draws ways and moments.

        Yields:
          A row for each: the stage that was met, what went wrong, and which artefacts
          cannot be reached any more.
        """
        life = Life(self._start, self._workdir, self._folder / "copies")
        self._folder.mkdir(parents=True, exist_ok=True)
        stage_now = functools.partial(stage_of, self._workdir, STAGES)
        life.lead(ways, most, self.timeline, stage_now, rng)
        life.blame(self._judge)
        for each in life.met:
            yield {
                "way": each.way,
                "number": each.number,
                "stage": each.stage,
                "survived": not (each.wrong or each.differing),
                "wrong": each.wrong,
                "differing": list(each.differing),
            }

    def _judge(self) -> Sequence[str]:
        """Has the run end, and says what is not as in the undisturbed one."""
        for _ in range(_RESUMES):
            command = self._start()
            status = command.wait()
            if status == 0:
                found = differing(self._read(), self.expected)
                break
        else:
            found = [f"exit status {status} of a resume: {command.said[-300:]}"]
        if found:  # to be looked at
            failed = self._folder / f"failed-{time.strftime('%H%M%S')}"
            shutil.copytree(self._workdir, failed, dirs_exist_ok=True)
        return found

    def _undisturbed_twice(self) -> tuple[dict[str, str], dict[str, Any]]:
        first, _ = self._undisturbed()
        found, timeline = self._undisturbed()
        others = differing(first, found)
        if others:
            raise RuntimeError(f"two undisturbed runs differ in {', '.join(others)}")
        return found, timeline

    def _undisturbed(self) -> tuple[dict[str, str], dict[str, Any]]:
        shutil.rmtree(self._workdir, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        started = time.time()
        command = self._start()
        if command.wait():
            raise RuntimeError(command.said)
        return self._read(), self._timeline(started, time.time())

    def _timeline(self, started: float, ended: float) -> dict[str, Any]:
        """Fields of a `Timeline`, by the clock that stamps files."""
        marks = {
            name: [
                (self._workdir / name / f"{mark}.json").stat().st_mtime
                for mark in ("started", "done")
            ]
            for name in STAGES
            if (self._workdir / name / "done.json").exists()
        }
        begun, done = zip(*marks.values(), strict=True)
        return {
            "starting": min(begun) - started,
            "stages": {name: last - first for name, (first, last) in marks.items()},
            "ending": ended - max(done),
        }

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
    *,
    lives: int = 8,
    made_by: str = "",
) -> Iterator[list[dict[str, Any]]]:
    """Interrupts jobs, at least so many times in all.

    Args:
      jobs: keys of `JOBS`; they take turns.
      ways: keys of `WAYS`.
      kills: interruptions.
      seed: of all moments.
      folder: for work folders.
      done: rows of before; what they have is not tried again.
      lives: the most interruptions of one run.
      made_by: what results depend on besides.

    Yields:
      The rows of a life.
    """
    folder = folder.resolve()
    write_files(folder / "files")
    have = {(row["job"], row["life"], row["seed"]) for row in done}
    trials: dict[str, Trial] = {}
    count = len(done)
    for life, job in ((life, job) for life in itertools.count() for job in jobs):
        if count >= kills:
            return
        if (job, life, seed) in have:
            continue
        if job not in trials:
            trials[job] = Trial(JOBS[job], folder / job, made_by)
        rng = np.random.default_rng((seed, list(JOBS).index(job), life))
        most = min(lives, kills - count)
        about = {"job": job, "life": life, "seed": seed}
        rows = [{**about, **row} for row in trials[job].live(ways, most, rng)]
        count += len(rows)
        yield rows


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
    end = time.monotonic() + 60 * _MINUTES.value
    prepare(folder)
    rows = read_rows(_OUT.value)
    jobs, ways = _JOBS.value or list(JOBS), _WAYS.value or list(WAYS)
    made_by = in_fork(provenance, folder / "provenance.txt")  # it asks for a device
    lives = run(
        jobs,
        ways,
        _KILLS.value,
        _SEED.value,
        folder,
        list(rows),
        lives=_LIVES.value,
        made_by=json.dumps(made_by),
    )
    for life in lives:
        append_rows(_OUT.value, life, made_by)
        rows += life
        for row in life:
            if not row["survived"]:
                print(row, flush=True)
        if time.monotonic() > end:
            break
    for field in ("way", "number", "job", "stage"):
        print("\n" + table(summarise(rows, field), [field, "survived", "tried"]))


if __name__ == "__main__":
    use_huge_pages()
    _KILLS = flags.DEFINE_integer("kills", 200, "interruptions", lower_bound=1)
    _SEED = flags.DEFINE_integer("seed", 0, "of the moments", lower_bound=0)
    _JOBS = flags.DEFINE_list("jobs", [], f"some of {', '.join(JOBS)}; all by default")
    _WAYS = flags.DEFINE_list("ways", [], f"some of {', '.join(WAYS)}; all by default")
    _LIVES = flags.DEFINE_integer("lives", 8, "most of one run", lower_bound=1)
    _MINUTES = flags.DEFINE_float("minutes", 1e9, "then it ends, to be gone on with")
    _FOLDER = flags.DEFINE_string("folder", "runs/crash_test", "for work folders")
    _OUT = flags.DEFINE_string("out", None, "JSONL file of rows, read and added to")
    app.run(main)
