"""A sweep whose workers are killed leaves the rows of one that was not disturbed.

python -m experiments.reliability.killed_sweeps [--cells=1000] [--workers=8]
    [--seconds=0.2] [--every=3] [--seed=0] [--folder=runs/killed_sweeps]

One process works through the toy grid; then several do in another folder, while one of
them, drawn at random, gets a SIGKILL every few seconds. Prints kills, cells that were
taken over, and whether the rows are the same byte for byte.
"""

import pathlib
import shutil
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from experiments.sweeping.shared import SharedGrid
from experiments.sweeping.toy import toy_grid
from experiments.sweeping.workers import Process, command_of, run_workers


def run(
    folder: pathlib.Path,
    *,
    cells: int,
    workers: int,
    seconds: float,
    every: float,
    seed: int = 0,
) -> dict[str, Any]:
    """Sweeps with and without kills.

    Args:
      folder: for both; what is there goes.
      cells: of the grid.
      workers: processes at once.
      seconds: that a cell takes.
      every: seconds between two kills.
      seed: draws who is killed.

    Returns:
      What became of it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    SharedGrid(toy_grid(cells), folder / "alone").work()
    rng = np.random.default_rng(seed)
    kills, last = 0, time.monotonic()

    def kill_one(processes: Iterable[Process]) -> None:
        nonlocal kills, last
        alive = [process for process in processes if process.poll() is None]
        if alive and time.monotonic() - last >= every:
            alive[rng.integers(len(alive))].kill()
            kills, last = kills + 1, time.monotonic()

    shared = folder / "shared"
    words = f"experiments.sweeping.toy --cells={cells} --seconds={seconds}"
    started = time.monotonic()
    run_workers(command_of(words, shared), workers, shared, 0.05, kill_one)
    taken = time.monotonic() - started
    rows = [(folder / name / "rows.jsonl").read_bytes() for name in ("alone", "shared")]
    return {
        "cells": cells,
        "workers": workers,
        "kills": kills,
        "taken over": sum(1 for path in (shared / "claims").glob("*.[1-9]*")),
        "seconds": taken,
        "same rows": rows[0] == rows[1],
    }


def main(_: Sequence[str]) -> None:
    """Prints one line."""
    found = run(
        pathlib.Path(_FOLDER.value),
        cells=_CELLS.value,
        workers=_WORKERS.value,
        seconds=_SECONDS.value,
        every=_EVERY.value,
        seed=_SEED.value,
    )
    print(", ".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    _FOLDER = flags.DEFINE_string("folder", "runs/killed_sweeps", "for both sweeps")
    _CELLS = flags.DEFINE_integer("cells", 1_000, "of the grid", lower_bound=1)
    _WORKERS = flags.DEFINE_integer("workers", 8, "at once", lower_bound=1)
    _SECONDS = flags.DEFINE_float("seconds", 0.2, "that a cell takes")
    _EVERY = flags.DEFINE_float("every", 3.0, "seconds between two kills")
    _SEED = flags.DEFINE_integer("seed", 0, "draws who is killed")
    app.run(main)
