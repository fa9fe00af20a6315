"""What each part of the register search is worth: one grid a part.

Every setting differs from the base, K-level or binary registers with a population of 5,
in what its grid is about. Problems: the three data sets of NAS-Bench-201 (test accuracy
of the arch with the best validation accuracy), and the best score on OneMax of 84 bits
and on an NK landscape of 20 layers of 4 ops, each of which depends on the next two. All
seeds of all settings that differ in numbers only are one program. Differences to the
first line of each grid by Mann-Whitney, Holm-corrected over the grid's settings,
problems and budgets.

python -m experiments.comparisons.ablations --data_dir=FOLDER [--quick]
    [--only=angle,...]
    [--seeds=200] [--out=rows.jsonl] [--dir=SHARED]

Rows are kept grid by grid; what is among them is not done again, and several processes
share the work in a folder (`experiments/sweep.py`).
"""

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import app, flags, logging

from experiments.comparisons.search_setting import search_setting
from experiments.landscapes.additive import onemax_evaluator
from experiments.landscapes.nk import nk_evaluator, nk_landscape
from experiments.measuring.grids import Cell, Grid, Row
from experiments.measuring.rows import table
from experiments.sweeping.work import all_rows
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import TableOptions, load_table, load_test
from qnas_jax.evaluation.tables.sealed_test import SealedTest
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.reporting.rank_tests import rank_test
from qnas_jax.reporting.statistics import holm
from qnas_jax.searching import EvaluateFn
from qnas_jax.searching.loop import incumbent
from qnas_jax.searching.many import search_settings

BASE: dict[str, Any] = {"strategy": "qudit", "population": 5}

GRIDS: dict[str, dict[str, Mapping[str, Any]]] = {
    "angle": {
        f"{share} pi": {"angle": share * math.pi} for share in (0.05, 0.01, 0.02, 0.1)
    },
    "observation": {
        "random": {"strategy": "qbit"},
        "threshold (public code)": {"strategy": "bqnas_released"},
    },
    "encoding": {
        "K levels": {},
        "binary": {"strategy": "qbit"},
        "order 2, contraction": {"strategy": "qiga2"},
        "entangled neighbours": {"strategy": "entangled"},
    },
    "population": {
        "5": {},
        **{str(size): {"population": size} for size in (1, 2, 10, 20, 50)},
    },
    "migration": {
        "both": {},
        "none": {"local_migration_every": 0, "global_migration_every": 0},
        "local": {"global_migration_every": 0},
        "global": {"local_migration_every": 0},
        "global, every generation": {"global_migration_every": 1},
    },
    "epsilon": {
        str(value): {"epsilon": value} for value in (0.01, 0.0, 0.003, 0.03, 0.1)
    },
    "angle rule": {
        rule: {"angle_rule": rule}
        for rule in ("constant", "falling", "gap", "distance")
    },
    "catastrophe": {
        "never": {},
        "after 10": {"catastrophe_after": 10},
        "after 20": {"catastrophe_after": 20},
        "after 20, best kept": {"catastrophe_after": 20, "catastrophe_keeps": "best"},
    },
    "X gate": {
        str(value): {"x_probability": value} for value in (0.0, 0.01, 0.03, 0.1)
    },
    "memory": {
        "none": {},
        "4 observations": {"observations": 4},
        "32 observations": {"observations": 32},
        "memory registers": {"strategy": "memory_registers", "population": 1},
    },
}
"""Settings by grid, as they differ from the base; the first is what others are held
against."""

NEEDS_POWERS_OF_TWO = {"bqnas_released"}


class Problem(NamedTuple):
    """Something to search.

    Attributes:
      name: as in the rows.
      num_ops: ops of each layer.
      evaluate: the evaluator.
      budgets: evaluations at which results are looked at.
      test: the sealed test values, if scores are of another set.
    """

    name: str
    num_ops: tuple[int, ...]
    evaluate: EvaluateFn
    budgets: tuple[int, ...]
    test: SealedTest | None = None


def problems(data_dir: str) -> Iterator[Problem]:
    """Yields all problems; test values are read anew for each grid."""
    for dataset in ("cifar10", "cifar100", "imagenet16_120"):
        options = TableOptions(dataset=dataset, data_dir=data_dir)
        bench, test = load_table(options), load_test(options)
        budgets = (100, 200, 1000)
        yield Problem(
            dataset, bench.num_ops, ScoredBy(bench.evaluator()), budgets, test
        )
    yield Problem("OneMax-84", (2,) * 84, onemax_evaluator(), (500, 2000))
    landscape = nk_landscape(20, 4, 0)
    yield Problem("NK-20", (4,) * 20, nk_evaluator(landscape), (500, 2000))


def results(
    problem: Problem, settings: Sequence[Mapping[str, Any]], seeds: int
) -> np.ndarray:
    """What the searches of all settings reached, [N, S, B].

    Settings that differ in numbers only are one program.

    Args:
      problem: what is searched.
      settings: N times arguments of `search_setting` besides those of the base.
      seeds: S.

    Returns:
      Test accuracies or best scores at the problem's budgets.
    """
    searched = [search_setting(**{**BASE, **setting}) for setting in settings]
    generations = [one.generations(max(problem.budgets)) for one in searched]
    strategies = [
        one.make(problem.num_ops, count)
        for one, count in zip(searched, generations, strict=True)
    ]
    forms: dict[Any, list[int]] = {}
    for place, strategy in enumerate(strategies):
        form = generations[place], jax.tree.structure(strategy)
        forms.setdefault(form, []).append(place)
    keys = jax.vmap(jax.random.key)(np.arange(seeds))
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for (count, _), places in forms.items():
        alike = [strategies[place] for place in places]
        best = search_settings(alike, problem.evaluate, keys, count, record=incumbent)
        population = searched[places[0]].population
        last = [budget // population - 1 for budget in problem.budgets]
        archs, scores = (values[:, :, last] for values in best)
        found |= zip(places, zip(archs, scores, strict=True), strict=True)
    in_order = [found[place] for place in range(len(settings))]
    archs, scores = map(np.stack, zip(*in_order, strict=True))
    return scores if problem.test is None else problem.test.open(archs)


def grid_of(
    grids: Sequence[str], seeds: int, data_dir: str, only: Sequence[str] = ()
) -> Grid:
    """What is searched: a cell a grid of settings, as its tests are one family.

    A row a setting, problem and budget: mean, deviation, difference to the grid's first
    setting, probability of superiority over it, corrected p-value.

    Args:
      grids: keys of `GRIDS`.
      seeds: searches of each setting.
      data_dir: folder of the benchmarks.
      only: names of problems; all if empty.
    """

    def compute(cell: Cell) -> Iterator[Row]:
        name = cell["grid"]
        rows = _searched(name, seeds, data_dir, only)
        p_values = _compare(rows, reference=next(iter(GRIDS[name])))
        for row, p_value in zip(rows, p_values, strict=True):
            values = row.pop("values")
            row["mean"] = float(values.mean())
            row["deviation"] = float(values.std(ddof=1))
            row["p"] = p_value
            yield row

    cells = [{"grid": name, "seeds": seeds, "only": list(only)} for name in grids]
    return Grid("ablations", cells, compute)


def _searched(
    grid: str, seeds: int, data_dir: str, only: Sequence[str]
) -> list[dict[str, Any]]:
    """A row a setting, problem and budget, with what its searches reached."""
    rows = []
    for problem in problems(data_dir):
        if only and problem.name not in only:
            continue
        fitting = {n: one for n, one in GRIDS[grid].items() if _fits(one, problem)}
        found = results(problem, list(fitting.values()), seeds)
        rows += [
            {
                "setting": name,
                "problem": problem.name,
                "evaluations": budget,
                "values": found[place, :, at],
            }
            for place, name in enumerate(fitting)
            for at, budget in enumerate(problem.budgets)
        ]
    order = list(GRIDS[grid])
    return sorted(rows, key=lambda row: order.index(row["setting"]))


def _compare(rows: Sequence[dict[str, Any]], *, reference: str) -> list[float]:
    """Adds differences to the reference setting, and returns corrected p-values."""
    base = {
        (row["problem"], row["evaluations"]): row["values"]
        for row in rows
        if row["setting"] == reference
    }
    p_values = []
    for row in rows:
        values, other = row["values"], base[row["problem"], row["evaluations"]]
        row["difference"] = float(values.mean() - other.mean())
        row["superiority"], p_value = rank_test(values, other)
        p_values.append(p_value)
    tested = [row["setting"] != reference for row in rows]
    corrected = iter(holm(list(itertools.compress(p_values, tested))))
    return [next(corrected) if test else 1.0 for test in tested]


def _fits(setting: Mapping[str, Any], problem: Problem) -> bool:
    powers = all(count & (count - 1) == 0 for count in problem.num_ops)
    return powers or setting.get("strategy") not in NEEDS_POWERS_OF_TWO


def overview(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a setting: its mean on every problem at one budget; * for p < 0.05.

    The budget is 200 evaluations where there is one, else the largest.
    """
    shown = {row["problem"]: 200 if row["problem"] in _TABLES else 2000 for row in rows}
    lines = []
    for grid in dict.fromkeys(row["grid"] for row in rows):
        group = [row for row in rows if row["grid"] == grid]
        for name in dict.fromkeys(row["setting"] for row in group):
            line: dict[str, Any] = {"grid": grid, "setting": name}
            for problem, budget in shown.items():
                cells = [
                    row
                    for row in group
                    if (row["setting"], row["problem"]) == (name, problem)
                    and row["evaluations"] == budget
                ]
                line[problem] = _cell(cells[0]) if cells else "-"
            lines.append(line)
    return lines


_TABLES = ("cifar10", "cifar100", "imagenet16_120")


def _cell(row: Mapping[str, Any]) -> str:
    scale, digits = (100, 2) if row["problem"] in _TABLES else (1, 3)
    mark = ("*" if row["difference"] > 0 else "°") if row["p"] < 0.05 else ""
    mean, deviation = scale * row["mean"], scale * row["deviation"]
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}{mark}"


def main(_: Sequence[str]) -> None:
    """Prints the overview."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    names = _ONLY.value or list(GRIDS)
    unknown = set(names) - set(GRIDS)
    if unknown:
        raise app.UsageError(
            f"--only: got {', '.join(sorted(unknown))}, expected some of "
            f"{', '.join(GRIDS)}"
        )
    problems_run = ("cifar10",) if _QUICK.value else ()
    seeds = 20 if _QUICK.value else _SEEDS.value
    grid = grid_of(names, seeds, _DATA_DIR.value, problems_run)
    rows = all_rows(grid, _OUT.value, _DIR.value)
    print("* significantly better than the grid's first line, ° significantly worse")
    for name in names:
        lines = overview([row for row in rows if row["grid"] == name])
        print("\n" + table(lines, list(lines[0])), flush=True)


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the benchmarks"
    )
    _SEEDS = flags.DEFINE_integer("seeds", 200, "searches of each", lower_bound=2)
    _ONLY = flags.DEFINE_list("only", [], "grids to run; all by default")
    _QUICK = flags.DEFINE_bool("quick", False, "20 seeds, CIFAR-10 only")
    _OUT = flags.DEFINE_string("out", None, "JSONL file of rows, read and added to")
    _DIR = flags.DEFINE_string("dir", None, "folder shared by several processes")
    app.run(main)
