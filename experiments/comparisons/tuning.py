"""How the settings of the default strategy are chosen, and what the choice is worth.

A grid of settings searches each table with seeds from 10,000 on; a setting is judged by
the validation scores that its searches reach, as shares of the way from the table's
median to its best, at 100 and 200 evaluations. For each task the setting with the least
mean gap on the other tasks is then run on it with seeds 0, 1, ... beside the defaults:
what it loses or wins there is what the choice of settings on the reported tables is
worth. `default rank` says how good the defaults are in the grid.

python -m experiments.comparisons.tuning --data_dir=FOLDER [--seeds=100] \
    [--reported=1000] [--out=rows.jsonl]
"""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.comparisons.contestants import CONTESTANTS, REFERENCE, Contestant
from experiments.comparisons.search_setting import SearchSetting, search_setting
from experiments.comparisons.strategies import TASKS, compare_on, table_options
from experiments.measuring.rows import table, write_rows
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import Table, load_table, load_test
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.reporting.comparison.contrasts import at_budget, contrasts
from qnas_jax.reporting.comparison.records import curves_by_task
from qnas_jax.searching import Generation, SearchState
from qnas_jax.searching.many import search_settings

GRID: Mapping[str, tuple[float, ...]] = {
    "flips": (0.5, 1.0, 2.0),
    "field_strength": (1.0, 2.0, 4.0),
    "field_variance": (0.1, 0.3, 1.0),
    "field_noise": (0.03, 0.1, 0.3),
}
INITIAL = (5, 10, 20)
"""Tried with the defaults of all others."""

BUDGETS = (100, 200)
FIRST_SEED = 10_000
ELSEWHERE = "chosen on the other tasks"


def settings(grid: Mapping[str, Sequence[float]] = GRID) -> list[dict[str, Any]]:
    """All combinations of the grid, as options of the strategy."""
    return [
        dict(zip(grid, values, strict=True))
        for values in itertools.product(*grid.values())
    ]


def best_score(state: SearchState, generation: Generation) -> jax.Array:
    """Keeps the best score so far."""
    del generation
    return state.best_score


def gaps(tried: Sequence[Mapping[str, Any]], bench: Table, seeds: int) -> np.ndarray:
    """How far from the best of a table the settings end.

    Args:
      tried: options of the strategy that differ in numbers only.
      bench: the table.
      seeds: searches of each, from `FIRST_SEED` on.

    Returns:
      [N], the mean over seeds and budgets; 0 is the best of the table, 1 its median.
    """
    made = [_setting(options) for options in tried]
    evaluations = max(BUDGETS)
    strategies = [one.make(bench.num_ops, evaluations) for one in made]
    keys = jax.vmap(jax.random.key)(FIRST_SEED + np.arange(seeds))
    evaluate = ScoredBy(bench.evaluator())
    best = search_settings(strategies, evaluate, keys, evaluations, record=best_score)
    scores = bench.scores()
    top, median = np.nanmax(scores), np.nanmedian(scores)
    reached = best[:, :, np.array(BUDGETS) - 1]
    return ((top - reached) / (top - median)).mean(axis=(1, 2))


def _setting(options: Mapping[str, Any]) -> SearchSetting:
    return search_setting("memory_registers", **options)


def tune(
    tasks: Sequence[str],
    seeds: int,
    data_dir: str,
    grid: Mapping[str, Sequence[float]] = GRID,
) -> list[dict[str, Any]]:
    """A row a setting: its options, and its gap on each task."""
    numbers = settings(grid)
    starts: list[dict[str, Any]] = [{"initial": count} for count in INITIAL]
    rows: list[dict[str, Any]] = [
        {"options": options, "gaps": {}} for options in [*numbers, *starts]
    ]
    for task in tasks:
        bench = load_table(table_options(task, data_dir))
        found = [gaps(numbers, bench, seeds)]
        # A number of evaluations decides the form of the program.
        found += [gaps([options], bench, seeds) for options in starts]
        for row, gap in zip(rows, np.concatenate(found), strict=True):
            row["gaps"][task] = float(gap)
    return rows


def choose(rows: Sequence[Mapping[str, Any]], tasks: Sequence[str]) -> dict[str, Any]:
    """The options with the least mean gap over some tasks."""
    means = [np.mean([row["gaps"][task] for task in tasks]) for row in rows]
    return dict(rows[int(np.argmin(means))]["options"])


def default_rank(rows: Sequence[Mapping[str, Any]], task: str) -> int:
    """How many settings have a smaller gap on a task than the defaults, plus one."""
    own = _setting({}).options
    (place,) = [
        i
        for i, row in enumerate(rows)
        if "flips" in row["options"] and _setting(row["options"]).options == own
    ]
    values = [row["gaps"][task] for row in rows]
    return 1 + sum(value < values[place] for value in values)


def report(
    rows: Sequence[Mapping[str, Any]],
    tasks: Sequence[str],
    seeds: int,
    data_dir: str,
) -> Iterator[dict[str, Any]]:
    """What the setting chosen elsewhere does on each task beside the defaults.

    Args:
      rows: of `tune`.
      tasks: at least two.
      seeds: searches of each, 0, 1, ...
      data_dir: folder of the benchmarks.

    Yields:
      A row a task and budget: test accuracies in percent, their difference with its
      95 % interval, and the superiority of the setting chosen elsewhere.
    """
    for task in tasks:
        chosen = choose(rows, [other for other in tasks if other != task])
        longest = max(BUDGETS)
        pair = {
            REFERENCE: CONTESTANTS[REFERENCE].up_to(longest),
            ELSEWHERE: Contestant(
                {"strategy": "memory_registers", **chosen}, evaluations=longest
            ),
        }
        options = table_options(task, data_dir)
        found = compare_on(task, load_table(options), load_test(options), pair, seeds)
        curves = curves_by_task(found)
        for (_, budget), (test,) in contrasts(curves, ELSEWHERE, BUDGETS).items():
            samples = at_budget(curves[task], budget)
            means = [100 * float(samples[name].mean()) for name in pair]
            yield {
                "task": task,
                "evaluations": budget,
                "chosen elsewhere": " ".join(f"{k}={v}" for k, v in chosen.items()),
                "defaults %": means[0],
                "chosen %": means[1],
                "difference": 100 * test.difference,
                "low": 100 * test.low,
                "high": 100 * test.high,
                "superiority": test.superiority,
                "p": test.p_value,
                "default rank": default_rank(rows, task),
                "settings": len(rows),
                "searches": seeds,
            }


def main(_: Sequence[str]) -> None:
    """Prints the settings chosen elsewhere beside the defaults."""
    use_compilation_cache()
    tried = tune(TASKS, _SEEDS.value, _DATA_DIR.value)
    found = list(report(tried, TASKS, _REPORTED.value, _DATA_DIR.value))
    print(table(found, list(found[0])))
    write_rows(_OUT.value, [*tried, *found])


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the benchmarks"
    )
    _SEEDS = flags.DEFINE_integer(
        "seeds", 100, "searches of each setting", lower_bound=1
    )
    _REPORTED = flags.DEFINE_integer(
        "reported", 1000, "searches of what is reported", lower_bound=2
    )
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
