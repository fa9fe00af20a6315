"""Every strategy on tables of benchmarks, at equal budgets, over many seeds.

A search sees validation accuracies after 200 epochs (mean over training runs); what is
reported is the test accuracy of its best arch at each budget. Budgets count full
evaluations: one of 12 epochs costs 12/200. A second part repeats the published protocol
(`published_protocol`) to stand beside its table.
Seeds 0, 1, ... are reported; none of them was used to choose a setting, but settings
were chosen on the three data sets of NAS-Bench-201. None was on NAS-Bench-Macro, where
a search sees the first training of an arch and the mean of two others is its test.

python -m experiments.comparisons.strategies --data_dir=FOLDER [--quick] \
    [--seeds=1000] [--only=random,qbit,...] [--folder=runs/comparison] [--dir=SHARED]

writes rows.jsonl, figures/*.png and comparison.html into the folder, and goes on behind
the rows that are there. With `--dir` several processes share the work
(`experiments/sweep.py`), and the rows lie there. `--render` makes the page alone. Test
values are opened for a strategy on a table once its searches have ended.
"""

import os
import pathlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from experiments.comparisons.contestant_searches import BUDGETS, Found, search
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
from experiments.measuring.grids import Cell, Grid, Row
from experiments.sweeping.work import all_rows
from qnas_jax.evaluation.tables import (
    DATASETS,
    SealedTest,
    Table,
    TableOptions,
    load_table,
    load_test,
)
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.reporting.comparison import Focus, write_comparison
from qnas_jax.reporting.comparison.records import curves_by_task, read_comparison
from qnas_jax.searching import STRATEGIES

MACRO = "nas_bench_macro"
TASKS = (*DATASETS, MACRO)


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


def grid_of(
    names: Sequence[str],
    seeds: int,
    data_dir: str,
    *,
    most: int = 0,
    protocol: Sequence[str] = (),
) -> Grid:
    """Each strategy by itself on each task, and those of the published protocol.

    Args:
      names: keys of `CONTESTANTS`.
      seeds: searches of each.
      data_dir: folder of the benchmark.
      most: see `run`.
      protocol: keys of `published_protocol.SETTINGS`.
    """
    published = [
        {"part": "published", "strategy": name, "searches": seeds} for name in protocol
    ]
    about = {"part": "tables", "searches": seeds, "evaluations_at_most": most}
    cells = [{**about, "task": t, "strategy": n} for t in TASKS for n in names]

    def compute(cell: Cell) -> Iterator[Row]:
        own = [cell["strategy"]]
        if cell["part"] == "published":
            return run_published(own, seeds, data_dir)
        return run(own, [cell["task"]], seeds, data_dir, most=most)

    return Grid("strategies", [*published, *cells], compute)


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
        found[name] = search(contestant, table, seeds)
        seconds = time.perf_counter() - before
        _say(f"{task}: {name}, {len(found[name][0])} searches, {seconds:.1f} s")
    if found:
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
    rows_file = pathlib.Path(_DIR.value or folder) / "rows.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    names = [
        name
        for name, one in CONTESTANTS.items()
        if not (_QUICK.value and one.slow) and (not _ONLY.value or name in _ONLY.value)
    ]
    if not _RENDER.value:
        grid = grid_of(
            names,
            20 if _QUICK.value else _SEEDS.value,
            _DATA_DIR.value,
            most=_EVALUATIONS.value,
            protocol=[name for name in SETTINGS if name.partition(" (")[0] in names],
        )
        all_rows(grid, str(rows_file), _DIR.value)
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
    _DIR = flags.DEFINE_string("dir", None, "folder shared by several processes")
    _RENDER = flags.DEFINE_bool("render", False, "only makes the page from its rows")
    app.run(main)
