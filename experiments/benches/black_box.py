"""A search by a Python function that takes no time: what the engine itself costs.

    python -m experiments.benches.black_box [--evaluations=40] [--seeds=20]
        [--rows=runs/black_box.jsonl]

The function is a sum of random numbers over layers and pairs of neighbouring layers (8
layers of 5 ops, 390,625 architectures), of whose values the largest is 1 and the mean
0. Each contestant starts in a fresh process: `first` is from the import to the end of
the first search, without and with the compiled program of an earlier process; `next` is
a further search in the same process. Seconds are the processor's, all threads together,
so that other jobs on the machine do not count; on a quiet machine a search takes as
long or less. Then so many searches with different seeds say how good the best values
are.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from experiments.measuring.processor_time import processor_seconds

NUM_OPS = (5,) * 8
OPTUNA = "Optuna "
CONTESTANTS = (
    "memory_registers",
    "random",
    "regularized_evolution",
    f"{OPTUNA}TPE",
    f"{OPTUNA}random",
)

_EVALUATIONS = flags.DEFINE_integer("evaluations", 40, "Of each search", lower_bound=1)
_SEEDS = flags.DEFINE_integer("seeds", 20, "Searches of each contestant", lower_bound=2)
_ROWS = flags.DEFINE_string("rows", None, "JSONL file")
_CHILD = flags.DEFINE_string(
    "contestant", None, "Measured alone, by the parent process"
)


class Landscape:
    """A sum over layers and over pairs of neighbours, between its mean 0 and 1."""

    def __init__(self, num_ops: Sequence[int] = NUM_OPS, seed: int = 0):
        """Draws the numbers.

        Args:
          num_ops: (K_1, ..., K_L).
          seed: of the numbers.
        """
        rng = np.random.default_rng(seed)
        self._alone = [rng.normal(size=count) for count in num_ops]
        self._pairs = [
            rng.normal(size=pair)
            for pair in zip(num_ops[:-1], num_ops[1:], strict=True)
        ]
        self._mean = sum(table.mean() for table in (*self._alone, *self._pairs))
        self._scale = self._best() - self._mean

    def __call__(self, arch: Sequence[int]) -> float:
        """The value of an architecture, at most 1."""
        return (self._sum(arch) - self._mean) / self._scale

    def _sum(self, arch: Sequence[int]) -> float:
        alone = sum(table[op] for table, op in zip(self._alone, arch, strict=True))
        pairs = zip(self._pairs, arch[:-1], arch[1:], strict=True)
        return float(alone + sum(table[left, right] for table, left, right in pairs))

    def _best(self) -> float:
        """The largest sum, layer by layer."""
        best = self._alone[0]
        for pairs, alone in zip(self._pairs, self._alone[1:], strict=True):
            best = (best[:, None] + pairs).max(axis=0) + alone
        return float(best.max())


Search = Callable[[Callable[[Any], float], int, int], float]
"""(function, evaluations, seed) -> the best value."""


def _ours(strategy: str) -> Search:
    import qnas_jax as qnas

    def search(function: Callable[[Any], float], evaluations: int, seed: int) -> float:
        space = [range(count) for count in NUM_OPS]
        return qnas.search(
            space, function, strategy=strategy, budget=evaluations, key=seed
        ).best_value

    return search


def _optuna(sampler: str) -> Search:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = {
        "TPE": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
    }

    def search(function: Callable[[Any], float], evaluations: int, seed: int) -> float:
        def objective(trial: "optuna.Trial") -> float:
            return function(
                [
                    trial.suggest_categorical(f"layer_{place}", range(count))
                    for place, count in enumerate(NUM_OPS)
                ]
            )

        study = optuna.create_study(
            direction="maximize", sampler=kinds[sampler](seed=seed)
        )
        study.optimize(objective, n_trials=evaluations)
        return float(study.best_value)

    return search


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one process measured.

    Attributes:
      first: processor seconds up to the end of the first search, the import included.
      next: of a further search, the median.
      best: values that the searches ended with.
    """

    first: float
    next: float
    best: list[float]


def measure(contestant: str, evaluations: int, seeds: int) -> Measured:
    """Runs a contestant in this process, which has imported nothing of it yet.

    Args:
      contestant: one of `CONTESTANTS`.
      evaluations: of each search.
      seeds: searches.

    Returns:
      What was measured; where the process had started before, `first` counts that too.
    """
    name = contestant.removeprefix(OPTUNA)
    search = _optuna(name) if name != contestant else _ours(name)
    function = Landscape()
    best, seconds = [], []
    for seed in range(seeds):
        before = processor_seconds()
        best.append(search(function, evaluations, seed))
        seconds.append(processor_seconds() - before)
        if not seed:
            first = processor_seconds()
    return Measured(first, float(np.median(seconds[1:])), best)


def in_fresh_process(
    contestant: str, evaluations: int, seeds: int, cache: pathlib.Path
) -> Measured:
    """The same in a process of its own, whose compiled programs are in a folder."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-m", "experiments.benches.black_box"]
    command += [f"--contestant={contestant}", f"--evaluations={evaluations}"]
    done = subprocess.run(
        [*command, f"--seeds={seeds}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def run(
    evaluations: int, seeds: int, contestants: Sequence[str] = CONTESTANTS
) -> list[dict[str, Any]]:
    """Measures all contestants; a row each."""
    rows = []
    for contestant in contestants:
        with tempfile.TemporaryDirectory() as folder:
            cache = pathlib.Path(folder)
            cold = in_fresh_process(contestant, evaluations, 2, cache)
            warm = in_fresh_process(contestant, evaluations, seeds, cache)
        rows.append(
            {
                "contestant": contestant,
                "evaluations": evaluations,
                "seeds": seeds,
                "first_seconds": cold.first,
                "first_seconds_compiled": warm.first,
                "next_seconds": warm.next,
                "best_mean": float(np.mean(warm.best)),
                "best_deviation": float(np.std(warm.best, ddof=1)),
            }
        )
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as text."""
    lines = [
        f"{'':24}{'first, s':>10}{'compiled before':>17}{'next, ms':>10}{'best':>16}"
    ]
    for row in rows:
        best = f"{row['best_mean']:.3f} ± {row['best_deviation']:.3f}"
        lines.append(
            f"{row['contestant']:24}{row['first_seconds']:10.2f}"
            f"{row['first_seconds_compiled']:17.2f}{1000 * row['next_seconds']:10.1f}"
            f"{best:>16}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    if _CHILD.value:
        found = measure(_CHILD.value, _EVALUATIONS.value, _SEEDS.value)
        sys.stdout.write(json.dumps(dataclasses.asdict(found)) + "\n")
        return
    rows = run(_EVALUATIONS.value, _SEEDS.value)
    sys.stdout.write(table(rows) + "\n")
    from experiments.measuring.rows import write_rows  # takes JAX along

    write_rows(_ROWS.value, rows)


if __name__ == "__main__":
    app.run(main)
