"""The whole job of a configuration over several seeds, by the command of the README.

python -m experiments.comparisons.whole_jobs --config=digits [--seeds=3]
    [--folder=runs/digits] [--dir=SHARED]
    [--overrides=supernet.epochs=1,retrain.epochs=1] [--out=rows.jsonl]

runs `main.py --config=configs/digits.py` once a seed, each in a folder of its own, and
collects the `result.json` that each of them wrote. Seeds that have rows are not run
again, and several processes share them in a folder (`experiments/sweep.py`). The last
line says whether the searches were worth it: winners against random networks of the
same cost, paired over the seeds.
"""

import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from experiments.measuring.grids import Cell, Grid, Row
from experiments.measuring.rows import table
from experiments.sweeping.work import all_rows
from qnas_jax.jobs.nas.candidates import PICK
from qnas_jax.reporting import Worth, worth_over_runs
from qnas_jax.runs import read_json

_ACCURACY, _LOSS = "test accuracy", "test loss"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def grid_of(
    config: str, seeds: int, folder: pathlib.Path, overrides: Sequence[str] = ()
) -> Grid:
    """The jobs: a cell a seed.

    A row a seed and network, or what else was fitted: test accuracy in [0, 1] (of
    running text the loss of a token in nats), parameters, multiply-accumulates (None
    where there is none), and the seconds of all stages. A job that was killed with
    whoever started it goes on in its own work folder.

    Args:
      config: name of a file in `configs`.
      seeds: 0, 1, ..., a job each.
      folder: of the work folders, one a seed.
      overrides: assignments such as "supernet.epochs=1".
    """

    def compute(cell: Cell) -> Iterator[Row]:
        workdir = folder.resolve() / f"seed_{cell['seed']}"
        words = [f"--config=configs/{config}.py", f"--config.seed={cell['seed']}"]
        words += [f"--config.{override}" for override in overrides]
        run_job([*words, f"--workdir={workdir}"])
        result = read_json(workdir / "result.json")
        yield from rows_of(result, config, cell["seed"], overrides)

    told = {"config": config, "overrides": list(overrides)}
    cells = [{**told, "seed": seed} for seed in range(seeds)]
    return Grid("whole_jobs", cells, compute)


def run_job(words: Sequence[str], seconds_between: float = 10.0) -> None:
    """Runs `main.py`, after whoever still works in the same folder.

    That is the job of a process that was killed: it goes on to its end alone.

    Args:
      words: of the command line.
      seconds_between: tries.

    Raises:
      RuntimeError: the job failed; the message is what it said.
    """
    command = [sys.executable, "main.py", *words]
    while True:
        done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        if not done.returncode:
            return
        if " is in use by process " not in done.stderr:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        time.sleep(seconds_between)


def rows_of(
    result: Mapping[str, Any], config: str, seed: int, overrides: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Rows of one finished job.

    Args:
      result: contents of its `result.json`.
      config: name of its configuration.
      seed: its seed.
      overrides: as given to the command.

    Yields:
      A row a retrained network, the winner first, then what has no network.
    """
    metric = _ACCURACY if "test_accuracy" in result else _LOSS
    others = {**result["baselines"], **result.get("classifiers", {})}
    for network, entry in {"winner": result, **others}.items():
        yield {
            "config": config,
            "seed": seed,
            "overrides": list(overrides),
            "network": network,
            "arch": entry.get("string"),
            metric: entry[metric.replace(" ", "_")],
            "parameters": entry.get("parameters"),
            "macs": entry.get("macs"),
            "test examples": result["test_examples"],
            "seconds": sum(result["seconds"].values()),
        }


def worth_of(rows: Sequence[Mapping[str, Any]]) -> Worth | None:
    """Whether the searches were worth it: winners against the mean of their picks.

    Args:
      rows: of `rows_of`, any number of seeds of one configuration.

    Returns:
      The paired comparison; None where no seed has random picks of the winner's cost.
    """
    differences, metric = [], _metric_of(rows)
    for seed in dict.fromkeys(row["seed"] for row in rows):
        own = [row for row in rows if row["seed"] == seed]
        picks = [r[metric] for r in own if r["network"].startswith(PICK)]
        (winner,) = (r[metric] for r in own if r["network"] == "winner")
        if picks:
            ahead = winner - float(np.mean(picks))
            differences.append(-ahead if metric == _LOSS else ahead)
    if not differences:
        return None
    return worth_over_runs(differences, of_losses=metric == _LOSS)


def _metric_of(rows: Sequence[Mapping[str, Any]]) -> str:
    known = all(row.get(_ACCURACY) is not None for row in rows)
    return _ACCURACY if known else _LOSS


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Means over the seeds of each network.

    Args:
      rows: of `rows_of`, any number of seeds of one configuration.

    Returns:
      A line a network: accuracies in percent, or losses in nats where the task has no
      accuracy, with their sample standard deviation.
    """
    lines, metric = [], _metric_of(rows)
    name, unit = (metric, 1) if metric == _LOSS else (f"{metric} %", 100)
    for network in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == network]
        values = unit * np.array([row[metric] for row in own])
        sizes = [row["parameters"] for row in own if row["parameters"] is not None]
        lines.append(
            {
                "network": network,
                "seeds": len(own),
                name: float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(own) > 1 else None,
                "parameters": float(np.mean(sizes)) if sizes else None,
                "seconds": float(np.median([row["seconds"] for row in own])),
            }
        )
    return lines


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    folder = pathlib.Path(_FOLDER.value or f"runs/{_CONFIG.value}")
    grid = grid_of(_CONFIG.value, _SEEDS.value, folder, _OVERRIDES.value)
    rows = all_rows(grid, _OUT.value, _DIR.value)
    lines = summarise(rows)
    print(table(lines, list(lines[0])))
    worth = worth_of(rows)
    if worth is not None:
        print(worth.sentence)


if __name__ == "__main__":
    _CONFIG = flags.DEFINE_string("config", "digits", "name of a file in configs")
    _SEEDS = flags.DEFINE_integer("seeds", 3, "jobs", lower_bound=1)
    _FOLDER = flags.DEFINE_string("folder", None, "of the work folders; runs/<config>")
    _OVERRIDES = flags.DEFINE_list(
        "overrides", [], "fields to change, group.name=value"
    )
    _OUT = flags.DEFINE_string("out", None, "JSONL file of rows, read and added to")
    _DIR = flags.DEFINE_string("dir", None, "folder shared by several processes")
    app.run(main)
