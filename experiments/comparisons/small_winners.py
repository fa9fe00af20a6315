"""What searches found among small networks for series, really trained again.

python -m experiments.comparisons.small_winners [--searches=5] [--seeds=5]
    [--evaluations=100] [--epochs=54] [--config=benchmark_small_series] [--kind=series]
    [--folder=runs/small_winners]

Searches of a trained population are look-ups in the table of the configuration
(`small_spaces`), with equal budgets for the default, Hyperband, random search,
regularised evolution and TPE. The winner of each of some searches, and as many random
networks, are trained by a recipe of three times the epochs and with weights and batches
that the table has not seen, and tested. Stopped, the same command goes on.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from experiments.comparisons.contestant_searches import search
from experiments.comparisons.contestants import CONTESTANTS, REFERENCE
from experiments.comparisons.small_benchmark import (
    Benchmark,
    load_benchmark,
    train_all,
    training_name,
)
from experiments.comparisons.small_kinds import KINDS
from experiments.comparisons.small_spaces import table_options
from experiments.measuring.rows import table, write_rows
from qnas_jax.evaluation.tables import Table, load_table
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.nets import build_supernet
from qnas_jax.reporting.comparison.contrasts import difference_of_means
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

STRATEGIES = (
    REFERENCE,
    "hyperband",
    "random",
    "regularised evolution",
    "TPE (Optuna)",
)
RANDOM = "a random network"
_FRESH = 1000  # the first seed of a training: no table has such

Archs = Mapping[str, list[tuple[int, ...]]]
"""By strategy, the winner of each search."""


def winners(
    seen: Table, benchmark: Benchmark, searches: int, evaluations: int
) -> Archs:
    """What searches find, and as many random networks.

    Args:
      seen: what they look up; its ops have the names of the benchmark's.
      benchmark: for the numbers that its space has for these ops.
      searches: of each strategy.
      evaluations: full ones of each.

    Returns:
      Architectures of the benchmark's space.
    """
    found = {}
    for name in STRATEGIES:
        archs, _, _ = search(CONTESTANTS[name].up_to(evaluations), seen, searches)
        found[name] = _renumbered(seen, benchmark, archs[:, -1])
    rng = np.random.default_rng(0)
    drawn = rng.integers(seen.num_ops, size=(searches, len(seen.num_ops)))
    return {**found, RANDOM: _renumbered(seen, benchmark, drawn)}


def _renumbered(
    seen: Table, benchmark: Benchmark, archs: np.ndarray
) -> list[tuple[int, ...]]:
    """Ops [S, L] of a table by the numbers of the space, as names have them."""
    layers = list(zip(seen.space.choices, benchmark.space.choices, strict=True))
    return [
        tuple(
            own.index(theirs[op])
            for op, (theirs, own) in zip(arch, layers, strict=True)
        )
        for arch in archs.tolist()
    ]


def run(
    benchmark: Benchmark, found: Archs, seeds: int, kept: KeptOutcomes
) -> list[dict[str, Any]]:
    """Trains the winners.

    Args:
      benchmark: how.
      found: what.
      seeds: trainings of each network.
      kept: outcomes that are known so far.

    Returns:
      A row a strategy and search: the test accuracy of each training in [0, 1].
    """
    fresh = range(_FRESH, _FRESH + seeds)
    distinct = sorted({arch for archs in found.values() for arch in archs})
    train_all(benchmark, distinct, fresh, kept)
    costs = build_supernet(benchmark.space).cost_table()
    rows = []
    for name, archs in found.items():
        for number, arch in enumerate(archs):
            outcomes = [
                kept.find(
                    training_name(benchmark, arch, seed, benchmark.options.epochs)
                )
                for seed in fresh
            ]
            rows.append(
                {
                    "strategy": name,
                    "search": number,
                    "arch": list(arch),
                    "parameters": int(costs.cost(np.asarray([arch]))["params"][0]),
                    "test": [
                        one.metrics.get("test") if one else None for one in outcomes
                    ],
                }
            )
    return rows


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a strategy, in percent: means and spread over searches.

    Differences to the default have Welch's 95 % interval over the searches.
    """
    means: dict[str, list[float]] = {}
    for row in rows:
        known = [value for value in row["test"] if value is not None]
        means.setdefault(row["strategy"], []).append(100 * float(np.mean(known)))
    lines = []
    reference = np.array(means[REFERENCE])
    for name, values in means.items():
        own = [row for row in rows if row["strategy"] == name]
        between = np.array(values)
        line: dict[str, Any] = {
            "strategy": name,
            "searches": len(own),
            "different winners": len({tuple(row["arch"]) for row in own}),
            "test accuracy %": float(between.mean()),
            "sd over searches": float(between.std(ddof=1)),
            "parameters": float(np.mean([row["parameters"] for row in own])),
            "difference": float(between.mean() - reference.mean()),
        }
        low, high = difference_of_means(between, reference)
        other = name != REFERENCE
        lines.append(
            {**line, "low": low if other else None, "high": high if other else None}
        )
    return lines


def main(_: Sequence[str]) -> None:
    """Searches, trains, prints the table."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value)
    kind = KINDS[_KIND.value]
    training = dataclasses.replace(kind.training, epochs=_EPOCHS.value)
    benchmark = load_benchmark(dataclasses.replace(kind, training=training, short=0))
    seen = load_table(table_options(_CONFIG.value))
    found = winners(seen, benchmark, _SEARCHES.value, _EVALUATIONS.value)
    rows = run(benchmark, found, _SEEDS.value, KeptOutcomes(folder / "outcomes.jsonl"))
    write_rows(str(folder / "rows.jsonl"), rows)
    lines = summarise(rows)
    print(table(lines, list(lines[0])))


if __name__ == "__main__":
    use_huge_pages()
    _CONFIG = flags.DEFINE_string("config", "benchmark_small_series", "with the table")
    _KIND = flags.DEFINE_enum("kind", "series", list(KINDS), "of data that it is of")
    _SEARCHES = flags.DEFINE_integer("searches", 5, "of each strategy", lower_bound=2)
    _SEEDS = flags.DEFINE_integer("seeds", 5, "trainings of a winner", lower_bound=1)
    _EVALUATIONS = flags.DEFINE_integer("evaluations", 100, "full ones of a search")
    _EPOCHS = flags.DEFINE_integer("epochs", 54, "of each training", lower_bound=1)
    _FOLDER = flags.DEFINE_string("folder", "runs/small_winners", "for outcomes, rows")
    app.run(main)
