"""Strategies on spaces whose networks were all trained: of images, series and text.

python -m experiments.comparisons.small_spaces [--seeds=200] [--evaluations=100]
    [--configs=benchmark_small_images,...] [--only=random,...] [--render]
    [--figure=...] [--folder=runs/small_spaces]

The tables are those of the named configurations, made by `small_benchmark`; any own
table will do. A search sees validation accuracies, of short trainings too if it has
fidelities, and counts a short one as a part of an evaluation; reported is the test
accuracy of what it would choose. The default is held against each classical strategy on
each table at each budget: Mann-Whitney, Holm over all of them. Settings are those of
`contestants`, none of which was chosen here. Stopped, the same command goes on.
"""

import pathlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from experiments.comparisons.contestants import ACTS_BY, CONTESTANTS, REFERENCE, SHOWN
from experiments.comparisons.strategies import compare_on
from experiments.figures.small_spaces import best_values
from experiments.measuring.rows import append_rows, read_rows, table
from qnas_jax.evaluation.tables import TableOptions, load_table, load_test
from qnas_jax.jobs import named_config
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.reporting.comparison.contrasts import contrasts
from qnas_jax.reporting.comparison.records import (
    Curves,
    curves_by_task,
    read_comparison,
)
from qnas_jax.reporting.statistics import CONFIDENCE
from qnas_jax.searching.spec import CLASSICAL

CONFIGS = (
    "benchmark_small_images",
    "benchmark_small_series",
    "benchmark_small_text",
)
TESTED = (25, 50, 100)
"""Budgets, in full evaluations."""

_NOT_RUN = "-"
Tasks = Mapping[str, Mapping[str, Curves]]


def table_options(config: str) -> TableOptions:
    """The table of a configuration."""
    return TableOptions(**named_config(config).table.to_dict())


def run(
    configs: Sequence[str],
    names: Sequence[str],
    seeds: int,
    evaluations: int,
    known: Collection[tuple[str, str]] = (),
) -> Iterator[list[dict[str, Any]]]:
    """Searches, and reads the test accuracies of what was found.

    Args:
      configs: of the tables.
      names: keys of `CONTESTANTS`.
      seeds: searches of each strategy on each table.
      evaluations: full ones of each search.
      known: tables and strategies that are passed over.

    Yields:
      Rows of a strategy on a table, see `reporting.comparison.records`; none where it
      cannot search it.
    """
    contestants = {name: CONTESTANTS[name].up_to(evaluations) for name in names}
    for config in configs:
        options = table_options(config)
        seen = load_table(options)
        for name, one in contestants.items():
            if (seen.name, name) not in known:
                test = load_test(options)
                yield list(compare_on(seen.name, seen, test, {name: one}, seeds))


def _part(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["task"], row["strategy"]


def result_rows(tasks: Tasks) -> list[dict[str, Any]]:
    """Test accuracies of every strategy.

    Returns:
      A row a strategy, the highest mean over all tables and budgets first: by table and
      budget the mean and half of its 95 % interval, in percent.
    """
    names = dict.fromkeys(name for strategies in tasks.values() for name in strategies)
    lines, order = [], []
    for name in names:
        line: dict[str, Any] = {"strategy": name, "acts by": ACTS_BY.get(name, "-")}
        ahead = []
        for task, strategies in tasks.items():
            for budget in TESTED:
                own = strategies[name].at(budget) if name in strategies else None
                line[f"{task}, {budget}"] = _NOT_RUN if own is None else _interval(own)
                if own is not None:
                    everyone = [one.at(budget) for one in strategies.values()]
                    known = [each.mean() for each in everyone if each is not None]
                    ahead.append(own.mean() - np.mean(known))
        lines.append(line)
        order.append(np.mean(ahead) if ahead else -np.inf)
    return [lines[place] for place in np.argsort(order, kind="stable")[::-1]]


def _interval(values: np.ndarray) -> str:
    from scipy.stats import t

    half = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    half *= values.std(ddof=1) / np.sqrt(len(values))
    return f"{100 * values.mean():.2f} ± {100 * half:.2f}"


def test_rows(tasks: Tasks) -> list[dict[str, Any]]:
    """The default against each classical strategy, see the head of this file.

    Returns:
      A row a strategy; by table the differences of the means in points at each budget,
      `*` where the default is better and `°` where it is worse, p < 0.05.
    """
    classical = [
        name
        for name, how in ACTS_BY.items()
        if how.startswith(CLASSICAL) and name != REFERENCE
    ]
    lines: dict[str, dict[str, Any]] = {}
    for (task, _), tests in contrasts(tasks, REFERENCE, TESTED, classical).items():
        for test in tests:
            mark = "" if test.p_value >= 0.05 else "°*"[test.superiority > 0.5]
            blank = {"against": test.second, **dict.fromkeys(tasks, _NOT_RUN)}
            line = lines.setdefault(test.second, blank)
            before = [line[task]] if line[task] != _NOT_RUN else []
            line[task] = " / ".join([*before, f"{100 * test.difference:+.2f}{mark}"])
    return list(lines.values())


def counts(lines: Sequence[Mapping[str, Any]]) -> str:
    """How often the default is better, worse and level, in words."""
    cells = [
        cell
        for line in lines
        for task, cells in line.items()
        if task != "against" and cells != _NOT_RUN
        for cell in cells.split(" / ")
    ]
    better = sum(cell.endswith("*") for cell in cells)
    worse = sum(cell.endswith("°") for cell in cells)
    level = len(cells) - better - worse
    return (
        f"{REFERENCE} against the classical ones, {len(cells)} tests: better in "
        f"{better}, worse in {worse}, no difference found in {level}"
    )


def main(_: Sequence[str]) -> None:
    """Searches, writes rows and figure, prints both tables."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    folder = pathlib.Path(_FOLDER.value)
    file = folder / "rows.jsonl"
    if not _RENDER.value:
        names = _ONLY.value or list(CONTESTANTS)
        known = [_part(row) for row in read_rows(str(file))]
        for rows in run(_CONFIGS.value, names, _SEEDS.value, _EVALUATIONS.value, known):
            append_rows(str(file), rows)
    tasks = curves_by_task(read_comparison(file))
    figure = pathlib.Path(_FIGURE.value or folder / "small_spaces.png")
    figure.write_bytes(best_values(tasks, SHOWN))
    for lines in (result_rows(tasks), tests := test_rows(tasks)):
        if lines:
            print(table(lines, list(lines[0])) + "\n")
    print(counts(tests))
    print(figure)


if __name__ == "__main__":
    _CONFIGS = flags.DEFINE_list(
        "configs", list(CONFIGS), "configurations with a table"
    )
    _SEEDS = flags.DEFINE_integer("seeds", 200, "searches of each", lower_bound=2)
    _EVALUATIONS = flags.DEFINE_integer("evaluations", 100, "full ones of a search")
    _ONLY = flags.DEFINE_list("only", [], "strategies; all by default")
    _RENDER = flags.DEFINE_bool("render", False, "only reads the rows that are there")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG; in the folder by default")
    _FOLDER = flags.DEFINE_string("folder", "runs/small_spaces", "for rows and figure")
    app.run(main)
