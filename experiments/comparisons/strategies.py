"""Every strategy on tables of benchmarks, at equal budgets, over many seeds.

A search sees validation accuracies after 200 epochs (mean over training runs); what is
reported is the test accuracy of its best arch at each budget. Budgets count full
evaluations: one of 12 epochs costs 12/200. A second part repeats the published protocol
(`published_protocol`) to stand beside its table.
Seeds 0, 1, ... are reported; none of them was used to choose a setting, but settings
were chosen on the three data sets of NAS-Bench-201. None was on NAS-Bench-Macro, where
a search sees the first training of an arch and the mean of two others is its test.

python -m experiments.comparisons.strategies --data_dir=FOLDER [--quick] \
    [--seeds=1000] [--only=random,qbit,...] [--folder=runs/comparison]

writes rows.jsonl, figures/*.png and comparison.html into the folder. `--render` makes
the page again from rows that are there.
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

from experiments.comparisons.contestants import (
    ACTS_BY,
    CONTESTANTS,
    PEERS,
    REFERENCE,
    SHOWN,
    Contestant,
)
from experiments.comparisons.published_protocol import (
    PUBLISHED,
    SETTINGS,
    run_published,
)
from experiments.comparisons.table import comparison_table
from experiments.measuring.rows import write_rows
from experiments.peers.optuna_samplers import optuna_searches
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import (
    DATASETS,
    SealedTest,
    Table,
    TableOptions,
    full_evaluations,
    incumbents,
    load_table,
    load_test,
    query_costs,
)
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.reporting.comparison import Focus, write_comparison
from qnas_jax.reporting.comparison.records import curves_by_task, read_comparison
from qnas_jax.searching import STRATEGIES, Generation
from qnas_jax.searching.many import search_seeds

MACRO = "nas_bench_macro"
TASKS = (*DATASETS, MACRO)
BUDGETS = (
    10,
    20,
    25,
    30,
    40,
    50,
    60,
    80,
    100,
    125,
    150,
    200,
    250,
    300,
    400,
    500,
    700,
    1000,
)
TOP = 0.01


def run(
    names: Sequence[str],
    tasks: Sequence[str],
    seeds: int,
    data_dir: str,
    *,
    most: int = 0,
) -> Iterator[dict[str, Any]]:
    """Searches, and reads the test accuracies of what was found.

    Args:
      names: keys of `CONTESTANTS`.
      tasks: some of `TASKS`.
      seeds: searches of each strategy on each task.
      data_dir: folder of the benchmark.
      most: full evaluations of each search at most; 0: as the contestants say.

    Yields:
      A row a strategy, task and seed; see `reporting.comparison.records`.
    """
    contestants = {name: CONTESTANTS[name].up_to(most) for name in names}
    for task in tasks:
        options = table_options(task, data_dir)
        table, test = load_table(options), load_test(options)
        yield from compare_on(task, table, test, contestants, seeds)


def compare_on(
    task: str,
    table: Table,
    test: SealedTest,
    contestants: Mapping[str, Contestant],
    seeds: int,
) -> Iterator[dict[str, Any]]:
    """Searches one table.

    Args:
      task: its name in the rows.
      table: what searches see.
      test: the values of what they found.
      contestants: by name; those that the table has too few fidelities for are passed
        over.
      seeds: searches of each.

    Yields:
      Rows as of `run`.
    """
    able = {name: one for name, one in contestants.items() if _can_search(one, table)}
    found = {}
    for name, contestant in able.items():
        before = time.perf_counter()
        found[name] = best_found(contestant, table, seeds)
        seconds = time.perf_counter() - before
        _say(f"{task}: {name}, {len(found[name][0])} searches, {seconds:.1f} s")
    yield from _task_rows(task, test, found, able)


def table_options(task: str, data_dir: str) -> TableOptions:
    """The table of a task."""
    if task == MACRO:
        return TableOptions(source=MACRO, data_dir=data_dir)
    return TableOptions(dataset=task, data_dir=data_dir)


def _can_search(contestant: Contestant, table: Table) -> bool:
    """Whether a table has the fidelities that a strategy asks for."""
    if contestant.peer:
        return True
    spec = STRATEGIES[contestant.setting().strategy]
    return len(table.fidelities) > 1 or not spec.needs_fidelities


Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Incumbents [S, B, L] and their scores [S, B]; evaluations to the top 1 % [S]."""


def best_found(contestant: Contestant, table: Table, seeds: int) -> Found:
    """Runs all searches of one strategy and keeps what was best at each budget."""
    evaluated = evaluate_all(contestant, table, seeds, contestant.evaluations)
    costs = full_evaluations(evaluated, table)
    if contestant.repeats_free:
        costs *= query_costs(evaluated, count_repeats=False)
    budgets = [budget for budget in BUDGETS if budget <= contestant.evaluations]
    best = incumbents(evaluated, costs, budgets)
    return best.archs, best.scores, _first_top(table, evaluated, costs)


def evaluate_all(
    contestant: Contestant, table: Table, seeds: int, evaluations: int
) -> Generation:
    """All evaluations of all searches.

    Args:
      contestant: strategy and setting.
      table: what is searched.
      seeds: number of searches, fewer if the contestant says so.
      evaluations: full evaluations of each.

    Returns:
      NumPy arrays [S, G, P, ...].
    """
    count = min(seeds, contestant.seeds or seeds)
    if contestant.peer:
        return _evaluate_peer(contestant.peer, table, count, evaluations)
    generations = contestant.generations(evaluations)
    strategy = contestant.setting().make(table.num_ops, generations)
    if strategy.fidelities is None:
        evaluator = table.evaluator()
    else:
        evaluator = table.multi_fidelity_evaluator()
    keys = jax.vmap(jax.random.key)(np.arange(count))
    evaluated = search_seeds(strategy, ScoredBy(evaluator), keys, generations)
    if strategy.fidelities is None:
        highest = np.full_like(evaluated.fidelities, len(table.fidelities) - 1)
        evaluated = evaluated._replace(fidelities=highest)
    return evaluated


def _evaluate_peer(
    sampler: str, table: Table, seeds: int, evaluations: int
) -> Generation:
    """The same for a sampler of another library, one study a process and seed."""
    every = np.array(list(np.ndindex(*table.num_ops)))
    values = table.scores()[table.index(every)].reshape(table.num_ops)
    archs, scores = optuna_searches(values, sampler, evaluations, range(seeds))
    highest = np.full(scores[..., None].shape, len(table.fidelities) - 1)
    return Generation(archs[:, :, None], scores[..., None], highest)


def _first_top(table: Table, evaluated: Generation, costs: np.ndarray) -> np.ndarray:
    """Cost up to the first arch of the top 1 % by validation, [S]; inf if none."""
    scores = table.scores()
    limit = np.quantile(scores, 1 - TOP)
    archs = np.asarray(evaluated.archs)
    archs = archs.reshape(len(archs), -1, archs.shape[-1])
    top = scores[table.index(archs)] >= limit
    spent = np.cumsum(costs, axis=1)
    first = np.argmax(top, axis=1)
    return np.where(top.any(axis=1), spent[np.arange(len(spent)), first], np.inf)


def _task_rows(
    task: str,
    test: SealedTest,
    found: Mapping[str, Found],
    contestants: Mapping[str, Contestant],
) -> Iterator[dict[str, Any]]:
    archs = [archs.reshape(-1, archs.shape[-1]) for archs, _, _ in found.values()]
    values = np.split(
        test.open(np.concatenate(archs)), np.cumsum([len(part) for part in archs])[:-1]
    )
    for (name, (_, scores, top)), tested in zip(found.items(), values, strict=True):
        tested = tested.reshape(scores.shape)
        for seed in range(len(scores)):
            yield {
                "strategy": name,
                "task": task,
                "seed": seed,
                "options": dict(contestants[name].options),
                "budgets": list(BUDGETS),
                "validation": _row(scores[seed]),
                "test": _row(tested[seed]),
                "first_top": float(top[seed]) if np.isfinite(top[seed]) else None,
                "optimum": test.optimum,
            }


def _row(values: np.ndarray) -> list[float | None]:
    """Rounded values at all budgets, null where there is none."""
    known = [round(float(v), 6) if np.isfinite(v) else None for v in values]
    return known + [None] * (len(BUDGETS) - len(known))


def focus(names: Sequence[str]) -> Focus:
    """What the page looks at, as far as it was run."""
    return Focus(
        reference=REFERENCE,
        peers=tuple(name for name in PEERS if name in names),
        shown=tuple(name for name in SHOWN if name in names),
        budgets=(50, 100, 200, 500, 1000),
        decisive=(100, 200),
        unit="evaluations",
        published=PUBLISHED,
    )


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(_: Sequence[str]) -> None:
    """Searches, writes the rows and the page, prints where it lies."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value)
    rows_file = folder / "rows.jsonl"
    names = [
        name
        for name, one in CONTESTANTS.items()
        if not (_QUICK.value and one.slow) and (not _ONLY.value or name in _ONLY.value)
    ]
    if not _RENDER.value:
        seeds = 20 if _QUICK.value else _SEEDS.value
        protocol = [name for name in SETTINGS if name.partition(" (")[0] in names]
        rows = list(run_published(protocol, seeds, _DATA_DIR.value))
        write_rows(str(rows_file), rows)
        for task in TASKS:
            rows += run(names, [task], seeds, _DATA_DIR.value, most=_EVALUATIONS.value)
            write_rows(str(rows_file), rows)  # A run of hours may be stopped.
    page = write_comparison(rows_file, folder, focus(names))
    curves = curves_by_task(read_comparison(rows_file))
    print(comparison_table(curves, acts_by=ACTS_BY))
    print(f"\n{page}")


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the benchmark"
    )
    _SEEDS = flags.DEFINE_integer("seeds", 1000, "searches of each", lower_bound=2)
    _QUICK = flags.DEFINE_bool(
        "quick", False, "20 searches, the slowest strategies left out"
    )
    _FOLDER = flags.DEFINE_string(
        "folder", "runs/comparison", "where results are written"
    )
    _EVALUATIONS = flags.DEFINE_integer(
        "evaluations", 0, "full evaluations of each search at most; 0: see contestants"
    )
    _ONLY = flags.DEFINE_list("only", [], "names to run; all by default")
    _RENDER = flags.DEFINE_bool("render", False, "only makes the page from its rows")
    app.run(main)
