"""The whole job of a configuration over several seeds, by the command of the README.

python -m experiments.comparisons.whole_jobs --config=digits [--seeds=3]
    [--folder=runs/digits]
    [--overrides=supernet.epochs=1,retrain.epochs=1] [--out=rows.jsonl]

runs `main.py --config=configs/digits.py` once a seed, each in a folder of its own, and
collects the `result.json` that each of them wrote. The last line says whether the
searches were worth it: winners against random networks of the same cost, paired over
the seeds.
"""

import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from qnas_jax.jobs.nas.candidates import PICK
from qnas_jax.reporting import Worth, worth_over_runs
from qnas_jax.runs import read_json

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(
    config: str, seeds: int, folder: pathlib.Path, overrides: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Runs the job of each seed.

    Args:
      config: name of a file in `configs`.
      seeds: 0, 1, ..., a job each.
      folder: of the work folders, one a seed.
      overrides: assignments such as "supernet.epochs=1".

    Yields:
      A row a seed and retrained network: test accuracy in [0, 1], parameters,
      multiply-accumulates, and the seconds of all stages.

    Raises:
      RuntimeError: a job failed; the message is what it said.
    """
    for seed in range(seeds):
        workdir = folder.resolve() / f"seed_{seed}"
        words = [f"--config=configs/{config}.py", f"--config.seed={seed}"]
        words += [f"--config.{override}" for override in overrides]
        command = [sys.executable, "main.py", *words, f"--workdir={workdir}"]
        done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        result = read_json(workdir / "result.json")
        yield from rows_of(result, config, seed, overrides)


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
      A row a retrained network, the winner first.
    """
    for network, entry in {"winner": result, **result["baselines"]}.items():
        yield {
            "config": config,
            "seed": seed,
            "overrides": list(overrides),
            "network": network,
            "arch": entry["string"],
            "test accuracy": entry["test_accuracy"],
            "parameters": entry["parameters"],
            "macs": entry["macs"],
            "test images": result["test_images"],
            "seconds": sum(result["seconds"].values()),
        }


def worth_of(rows: Sequence[Mapping[str, Any]]) -> Worth | None:
    """Whether the searches were worth it: a seed's winner minus the mean of its picks.

    Args:
      rows: of `rows_of`, any number of seeds of one configuration.

    Returns:
      The paired comparison; None where no seed has random picks of the winner's cost.
    """
    differences = []
    for seed in dict.fromkeys(row["seed"] for row in rows):
        own = [row for row in rows if row["seed"] == seed]
        picks = [r["test accuracy"] for r in own if r["network"].startswith(PICK)]
        (winner,) = (r["test accuracy"] for r in own if r["network"] == "winner")
        if picks:
            differences.append(winner - float(np.mean(picks)))
    return worth_over_runs(differences) if differences else None


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean and sample standard deviation over the seeds of each network."""
    lines = []
    for network in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == network]
        accuracy = np.array([row["test accuracy"] for row in own])
        lines.append(
            {
                "network": network,
                "seeds": len(own),
                "test accuracy %": 100 * float(accuracy.mean()),
                "sd": 100 * float(accuracy.std(ddof=1)) if len(own) > 1 else None,
                "parameters": float(np.mean([row["parameters"] for row in own])),
                "seconds": float(np.median([row["seconds"] for row in own])),
            }
        )
    return lines


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    folder = pathlib.Path(_FOLDER.value or f"runs/{_CONFIG.value}")
    rows = list(run(_CONFIG.value, _SEEDS.value, folder, _OVERRIDES.value))
    lines = summarise(rows)
    print(table(lines, list(lines[0])))
    write_rows(_OUT.value, rows)
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
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
