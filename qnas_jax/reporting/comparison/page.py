"""The comparison page: figures, tables, tests and verdicts, from rows only."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.files import replace_file
from qnas_jax.reporting.charts import alt_text
from qnas_jax.reporting.comparison import words
from qnas_jax.reporting.comparison.arrival_curves import arrival_curves
from qnas_jax.reporting.comparison.contrasts import at_budget, contrasts
from qnas_jax.reporting.comparison.curve_charts import arrival_charts, regret_charts
from qnas_jax.reporting.comparison.rank_diagram import rank_diagram
from qnas_jax.reporting.comparison.ranks import Ranking, rank_strategies
from qnas_jax.reporting.comparison.records import (
    Curves,
    Row,
    curves_by_task,
    read_comparison,
    transfers,
)
from qnas_jax.reporting.comparison.regret_curves import regret_curves
from qnas_jax.reporting.comparison.regrets import regrets
from qnas_jax.reporting.comparison.spread import spread
from qnas_jax.reporting.comparison.task_panels import MOST_SHOWN
from qnas_jax.reporting.page import Shown, render

Tasks = Mapping[str, Mapping[str, Curves]]

_SECTIONS = [
    ("curves", "Distance to the optimum"),
    ("tables", "Results"),
    ("tests", "Tests"),
    ("arrivals", "Time to the top 1 %"),
    ("published", "Beside published results"),
    ("origin", "Made by"),
]


@dataclasses.dataclass(frozen=True)
class Focus:
    """What the page looks at.

    Attributes:
      reference: the strategy that is compared with all others.
      peers: those it must not lose to.
      shown: the strategies drawn in colour, at most seven.
      budgets: columns of the tables.
      decisive: the budgets of verdicts and rank diagrams.
      unit: what budgets count.
      published: results of others to stand beside ours, by label and task:
        (mean, deviation) in percent.
    """

    reference: str
    peers: tuple[str, ...]
    shown: tuple[str, ...]
    budgets: tuple[float, ...]
    decisive: tuple[float, ...]
    unit: str = "evaluations"
    published: Mapping[str, Mapping[str, tuple[float, float]]] = dataclasses.field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        if len(self.shown) > MOST_SHOWN:
            raise UserError(
                f"shown: got {len(self.shown)} names, expected at most {MOST_SHOWN}"
            )


def write_comparison(
    rows_file: pathlib.Path, folder: pathlib.Path, focus: Focus
) -> pathlib.Path:
    """Writes `comparison.html` and `figures/*.png`.

    Args:
      rows_file: JSONL rows, see `records`.
      folder: where to; made if it is not there.
      focus: what to look at.

    Returns:
      The path of the page, which opens without network and holds all figures.

    Raises:
      MissingFileError: there is no such file.
      UserError: it holds no searches, or a broken line.
    """
    rows = read_comparison(rows_file)
    tasks = curves_by_task(rows)
    if not tasks:
        raise UserError(f"{rows_file}: got no rows of searches, expected some")
    rankings = rank_all(tasks, focus.decisive)
    shown = draw(tasks, rankings, focus)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, png in shown.figures.items():
        replace_file(folder / "figures" / f"{name}.png", png)
    page = folder / "comparison.html"
    content = page_content(rows, tasks, rankings, focus)
    replace_file(page, render("comparison/page.html", shown, content).encode("utf-8"))
    return page


def rank_all(tasks: Tasks, budgets: Sequence[float]) -> dict[float, Ranking]:
    """Ranks the strategies at each budget by their means; a block is one task.

    Seeds are repetitions on one landscape, and those of two strategies are no pairs, so
    they are no blocks: with few tasks only very large differences of ranks are told
    apart. Strategies that were not run up to the budget on all tasks are left out.
    """
    rankings = {}
    for budget in budgets:
        samples = [at_budget(group, budget) for group in tasks.values()]
        full = {
            name: [float(found[name].mean()) for found in samples]
            for name in dict.fromkeys(name for found in samples for name in found)
            if all(name in found for found in samples)
        }
        if len(full) > 1:
            rankings[budget] = rank_strategies(full)
    return rankings


def draw(tasks: Tasks, rankings: Mapping[float, Ranking], focus: Focus) -> Shown:
    """Pictures, the same as charts, and what is seen on them."""
    found = regrets(tasks, focus.shown)
    charts = {"regret_curves": regret_charts(found, focus.shown, focus.unit)}
    figures = {"regret_curves": regret_curves(found, focus.shown, focus.unit)}
    if any(
        curves.first_top.size for each in tasks.values() for curves in each.values()
    ):
        charts["arrival_curves"] = arrival_charts(tasks, focus.shown)
        figures["arrival_curves"] = arrival_curves(tasks, focus.shown)
    alts = {name: alt_text(panels) for name, panels in charts.items()}
    for budget, ranking in rankings.items():
        name = f"ranks_{budget:g}"
        figures[name] = rank_diagram(ranking, focus.reference)
        alts[name] = words.ranking_sentence(ranking, budget, focus.unit)
    return Shown(figures, alts, charts, {"evaluations": {}, "known": {}})


def page_content(
    rows: Sequence[Row],
    tasks: Tasks,
    rankings: Mapping[float, Ranking],
    focus: Focus,
) -> dict[str, Any]:
    """What the template shows."""
    return searches_content(tasks, rankings, focus) | {
        "sections": [
            (name, title)
            for name, title in _SECTIONS
            if name != "published" or transfers(rows)
        ],
        "arrivals": _arrivals(tasks),
        "published": _published(rows, focus),
        "made_by": _made_by(rows),
    }


def searches_content(
    tasks: Tasks, rankings: Mapping[float, Ranking], focus: Focus
) -> dict[str, Any]:
    """What `comparison/searches.html` shows: verdict, results and tests."""
    return {
        "focus": focus,
        "verdict": _verdict(tasks, rankings, focus),
        "tables": {task: _table(group, focus) for task, group in tasks.items()},
        "optima": {
            task: next(iter(group.values())).optimum for task, group in tasks.items()
        },
        "contrasts": _contrast_table(tasks, focus),
        "rankings": {
            f"ranks_{budget:g}": (budget, ranking)
            for budget, ranking in rankings.items()
        },
    }


def _verdict(
    tasks: Tasks, rankings: Mapping[float, Ranking], focus: Focus
) -> list[str]:
    sentences = [
        words.reference_sentence(
            tasks, focus.reference, focus.peers, focus.decisive, focus.unit
        )
    ]
    for budget in focus.decisive:
        sentences += words.best_sentences(tasks, budget, focus.unit)
        if budget in rankings:
            sentences.append(
                words.ranking_sentence(rankings[budget], budget, focus.unit)
            )
    return sentences


def _table(strategies: Mapping[str, Curves], focus: Focus) -> list[Row]:
    """A row a strategy, the best at the first decisive budget first."""
    rows = []
    for name, curves in strategies.items():
        found = [curves.at(budget) for budget in focus.budgets]
        cells = [None if values is None else spread(values) for values in found]
        first = curves.at(focus.decisive[0])
        order = -np.inf if first is None else float(first.mean())
        rows.append({"name": name, "cells": cells, "order": order})
    return sorted(rows, key=lambda row: -row["order"])


def _contrast_table(tasks: Tasks, focus: Focus) -> list[Row]:
    """A row a strategy: the reference against it at every decisive budget."""
    tests = contrasts(tasks, focus.reference, focus.decisive)
    names = dict.fromkeys(test.second for group in tests.values() for test in group)
    by_place = {
        place: {test.second: test for test in group} for place, group in tests.items()
    }
    places = [(task, budget) for task in tasks for budget in focus.decisive]
    return [
        {
            "name": name,
            "cells": [by_place.get(place, {}).get(name) for place in places],
        }
        for name in names
    ]


def _arrivals(tasks: Tasks) -> list[Row]:
    """Share of the searches that saw the top 1 %, and the median wait in all."""
    names = dict.fromkeys(name for group in tasks.values() for name in group)
    rows = []
    for name in names:
        cells = []
        for group in tasks.values():
            waits = group[name].first_top if name in group else np.array([np.inf])
            cells.append((float(np.isfinite(waits).mean()), float(np.median(waits))))
        rows.append({"name": name, "cells": cells})
    return sorted(rows, key=lambda row: sum(median for _, median in row["cells"]))


def _published(rows: Sequence[Row], focus: Focus) -> Row:
    """Ours and published results: tasks, and rows of (mean, deviation) in percent."""
    ours = transfers(rows)
    groups: list[Mapping[str, Any]] = [*focus.published.values(), *ours.values()]
    tasks = list(dict.fromkeys(task for cells in groups for task in cells))
    table = []
    for name, found in ours.items():
        cells = {task: _percent(values) for task, values in found.items()}
        table.append({"name": f"{name}, ours", "cells": [cells.get(t) for t in tasks]})
        if name in focus.published:
            theirs = focus.published[name]
            published = [theirs.get(task) for task in tasks]
            table.append({"name": f"{name}, published", "cells": published})
    return {"tasks": tasks, "rows": table}


def _percent(values: np.ndarray) -> tuple[float, float]:
    found = spread(values)
    return 100 * found.mean, 100 * found.deviation


def _made_by(rows: Sequence[Row]) -> list[tuple[str, str]]:
    names = ("commit", "jax", "python", "device")
    found = {name: {str(row[name]) for row in rows if name in row} for name in names}
    return [
        (name, ", ".join(sorted(values))) for name, values in found.items() if values
    ]
