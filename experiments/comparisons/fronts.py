"""Strategies of several objectives where the exact front is known.

NAS-Bench-201, validation accuracy after 200 epochs and latency on a device: the
hypervolume of what was evaluated, as a share of that of the exact front
(`front_problem`), against the number of evaluations. `--reference=table` measures from
the worst corner of the table, where every front looks perfect.

Settings were chosen on CIFAR-100 (fpga, pixel2) and ImageNet16-120 (gold_6226,
samsung_a50) with seeds from 10,000 on. Reported are CIFAR-10, other devices, and seeds
from 0 on. The accuracies of the three data sets are of the same architectures, so the
landscapes are related.

python -m experiments.comparisons.fronts --data_dir=FOLDER [--seeds=200]
    [--only=nsga2,...] [--devices=pixel3,raspi4] [--folder=runs/fronts]

writes rows.jsonl, fronts.png and the front of one search on each device into the
folder, and prints the tables. `--render` makes them again from rows that are there.
"""

import os
import pathlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags, logging

from experiments.comparisons.front_problem import (
    BUDGETS,
    REFERENCES,
    Problem,
    shares,
)
from experiments.comparisons.front_results import result_table, samples
from experiments.figures.fronts import fronts_figure
from experiments.measuring.rows import read_rows, table, write_rows
from experiments.peers.pymoo_search import pymoo_searches
from qnas_jax.evaluation.tables import TableOptions, load_table
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.reporting.front import budget_cells, round_budgets, sort_front
from qnas_jax.reporting.front_figure import front_figure
from qnas_jax.searching.pareto import (
    FRONT_STRATEGIES,
    ListedCosts,
    ParetoStrategy,
    front_seeds,
    make_front_strategy,
)

DEVICES = ("pixel3", "raspi4")
SHOWN = "pareto_memory"
TOLD = "pareto_memory (latency known)"
"""The same strategy, which is told the latency of any arch before its evaluation."""
PEER = "NSGA-II (pymoo)"
POPULATION = 10
COST = "latency_ms"


def search(problem: Problem, name: str, seeds: int, evaluations: int) -> np.ndarray:
    """What searches evaluated.

    Args:
      problem: what is searched.
      name: a key of `FRONT_STRATEGIES`, `TOLD` or `PEER`.
      seeds: S.
      evaluations: E of each.

    Returns:
      Archs int32 [S, E, L].
    """
    if name == PEER:
        objectives = problem.points.reshape(*problem.num_ops, 2)
        return pymoo_searches(
            objectives, evaluations, range(seeds), population=POPULATION
        )
    generations = evaluations // POPULATION
    strategy = _strategy(problem, name, generations)
    keys = jax.vmap(jax.random.key)(np.arange(seeds))
    found = front_seeds(strategy, problem.lookup, keys, generations)
    return np.asarray(found.archs).reshape(seeds, generations * POPULATION, -1)


def _strategy(problem: Problem, name: str, generations: int) -> ParetoStrategy:
    settings = {"targets": (problem.target,)} if name == "weighted_product" else {}
    known = SHOWN if name == TOLD else name
    strategy = make_front_strategy(
        known,
        problem.num_ops,
        num_objectives=2,
        population=POPULATION,
        generations=generations,
        options=FRONT_STRATEGIES[known].options(**settings),
    )
    if name != TOLD:
        return strategy
    latencies = -problem.points[:, 1:].T
    return strategy.knowing(ListedCosts.of(latencies, problem.num_ops))


def run(
    names: Sequence[str],
    problems: Sequence[Problem],
    seeds: int,
    evaluations: int = BUDGETS[-1],
) -> Iterator[dict[str, Any]]:
    """Searches and measures.

    Args:
      names: keys of `FRONT_STRATEGIES`, `TOLD` or `PEER`.
      problems: what is searched.
      seeds: searches of each.
      evaluations: of each search.

    Yields:
      A row a strategy, problem and seed: shares of the exact hypervolume at all
      budgets up to the evaluations; of seed 0 also all that was evaluated, and the
      exact front.
    """
    for problem in problems:
        for name in names:
            before = time.perf_counter()
            archs = search(problem, name, seeds, evaluations)
            places = np.ravel_multi_index(
                tuple(np.moveaxis(archs, -1, 0)), problem.num_ops
            )
            points = problem.points[places]
            found = shares(problem, points)
            seconds = time.perf_counter() - before
            sys.stderr.write(
                f"{problem.name}: {name}, {seeds} searches, {seconds:.1f} s\n"
            )
            for seed in range(seeds):
                row = {
                    "strategy": name,
                    "task": problem.name,
                    "seed": seed,
                    "budgets": [b for b in BUDGETS if b <= evaluations],
                    "share": [
                        round(float(share), 6)
                        for share, budget in zip(found[seed], BUDGETS, strict=True)
                        if budget <= evaluations
                    ],
                }
                if seed == 0:
                    row["evaluated"] = _point_rows(archs[0], points[0])
                    row["op_names"] = problem.lookup.space.choices
                    row["exact"] = _point_rows(
                        np.zeros((len(problem.front), 0)), problem.front
                    )
                yield row


def _point_rows(archs: np.ndarray, points: np.ndarray) -> list[dict[str, Any]]:
    """Rows as of `qnas_jax.reporting.front`."""
    return [
        {"arch": arch.tolist(), "score": score, "costs": {COST: -cost}}
        for arch, (score, cost) in zip(archs, points.tolist(), strict=True)
    ]


def draw_front(
    rows: Sequence[Mapping[str, Any]], task: str, name: str
) -> tuple[bytes, str]:
    """The front that seed 0 of a strategy found on a task.

    Returns:
      Its figure, and the best under each budget in Markdown.
    """
    (row,) = [
        row
        for row in rows
        if (row["task"], row["strategy"], row["seed"]) == (task, name, 0)
    ]
    front = sort_front(row["evaluated"], COST)
    picture = front_figure(
        front,
        row["evaluated"],
        {COST: f"Latency (ms), {task}"},
        exact=row["exact"],
        log=True,
    )
    budgets = round_budgets(front, COST)
    headings = ("latency at most, ms", "accuracy", "latency, ms", "architecture")
    lines = [
        dict(zip(headings, (*cells, ops.replace(" | ", ", ")), strict=True))
        for *cells, ops in budget_cells(front, COST, budgets, row["op_names"])
    ]
    return picture, table(lines, list(headings))


def main(_: Sequence[str]) -> None:
    """Searches, writes rows and figure, prints the table."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value)
    folder.mkdir(parents=True, exist_ok=True)
    rows_file = folder / "rows.jsonl"
    if not _RENDER.value:
        known = load_table(
            TableOptions(dataset=_DATASET.value, data_dir=_DATA_DIR.value)
        )
        problems = [
            Problem.of(known, device, f"{_DATASET.value}, {device}", _CORNER.value)
            for device in _DEVICES.value
        ]
        names = _ONLY.value or [TOLD, *FRONT_STRATEGIES, PEER]
        rows: list[dict[str, Any]] = []
        for problem in problems:
            for name in names:
                seeds = _SEEDS.value
                count = min(seeds, _PEER_SEEDS.value) if name == PEER else seeds
                rows += run([name], [problem], count)
                write_rows(str(rows_file), rows)
    rows = read_rows(str(rows_file))
    (folder / "fronts.png").write_bytes(fronts_figure(samples(rows), BUDGETS))
    print(result_table(rows))
    for task, strategies in samples(rows).items():
        shown = SHOWN if SHOWN in strategies else next(iter(strategies))
        picture, lines = draw_front(rows, task, shown)
        (folder / f"{task.replace(', ', '_')}.png").write_bytes(picture)
        print(f"\n{task}: {shown}, seed 0\n\n{lines}")


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the benchmark"
    )
    _DATASET = flags.DEFINE_string("dataset", "cifar10", "of NAS-Bench-201")
    _DEVICES = flags.DEFINE_list("devices", list(DEVICES), "whose latency")
    _CORNER = flags.DEFINE_enum(
        "reference", "front", REFERENCES, "where volumes are measured from"
    )
    _SEEDS = flags.DEFINE_integer("seeds", 200, "searches of each", lower_bound=2)
    _PEER_SEEDS = flags.DEFINE_integer("peer_seeds", 50, "searches of pymoo")
    _ONLY = flags.DEFINE_list("only", [], "strategies to run; all by default")
    _FOLDER = flags.DEFINE_string("folder", "runs/fronts", "where results are written")
    _RENDER = flags.DEFINE_bool("render", False, "only figure and table, from rows")
    app.run(main)
