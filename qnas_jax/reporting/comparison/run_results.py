"""What finished runs have found, as tables of one kind of run each, the best first."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qnas_jax.reporting.comparison.finished_runs import Finished, damaged
from qnas_jax.reporting.comparison.result_rows import (
    Cell,
    benchmark_row,
    language_row,
    mean_row,
    network_row,
    solve_row,
)

INTERVAL = "95 % interval"
"""Heads the intervals of the column in front."""


@dataclasses.dataclass(frozen=True)
class ResultTable:
    """Results side by side.

    Attributes:
      name: for links, without blanks.
      title: what the rows are.
      note: how the numbers are to be read.
      headings: [C].
      rows: [R], C cells each, the first of which names the row.
    """

    name: str
    title: str
    note: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]

    def folded(self) -> "ResultTable":
        """The same with intervals below their values, not in columns of their own."""
        kept = [place for place, name in enumerate(self.headings) if name != INTERVAL]
        return dataclasses.replace(
            self,
            headings=tuple(self.headings[place] for place in kept),
            rows=[
                [self._with_interval(row, place) for place in kept] for row in self.rows
            ],
        )

    def _with_interval(self, row: Sequence[Cell], place: int) -> Cell:
        if INTERVAL not in self.headings[place + 1 : place + 2]:
            return row[place]
        return dataclasses.replace(row[place], below=row[place + 1].text)


_COSTS = ("parameters", "multiply-adds", "evaluations", "time")
_NAS = (
    *("run", "data", "space", "strategy", "test accuracy", INTERVAL),
    *(*_COSTS, "against random picks", "seed"),
)
_LANGUAGE = (
    *("run", "data", "space", "strategy", "test perplexity", INTERVAL),
    *(*_COSTS, "against random picks", "seed"),
)
_SEEDS = (
    *("runs that differ in the seed alone", "number", "mean test accuracy"),
    *(INTERVAL, "winner minus random picks", INTERVAL),
)
_BENCHMARK = (
    *("run", "table", "strategy", "searches", "budget"),
    *("mean of the best", INTERVAL),
)
_SOLVE = ("run", "problem", "optimiser", "cost", "evaluations")
_SEARCHES_NOTE = (
    "On tables: mean over the searches at the largest budget, with Student's interval."
)
_NETWORKS_NOTE = (
    "Of the retrained winner. Intervals are over the test examples of one training: "
    "they do not cover what another seed would change."
)


def result_tables(found: Iterable[Finished]) -> list[ResultTable]:
    """The tables of all runs that have a result.

    Args:
      found: runs of any kind.

    Returns:
      A table for each kind that is among them.

    Raises:
      UserError: a result is not as a run leaves it.
    """
    runs = sorted(found, key=_rank)
    tables = [
        _table("networks", "Networks", _NETWORKS_NOTE, _NAS, network_row, runs),
        _seeds_table(runs),
        _table("models", "Models", _NETWORKS_NOTE, _LANGUAGE, language_row, runs),
        _table("searches", "Searches", _SEARCHES_NOTE, _BENCHMARK, benchmark_row, runs),
        _table("costs", "Costs", "Lower is better.", _SOLVE, solve_row, runs),
    ]
    return [table for table in tables if table.rows]


def _table(
    name: str,
    title: str,
    note: str,
    headings: tuple[str, ...],
    row: Callable[[Finished], list[Cell] | None],
    runs: Sequence[Finished],
) -> ResultTable:
    rows = [_checked(row, run) for run in runs if run.result]
    return ResultTable(name, title, note, headings, [each for each in rows if each])


def _checked(
    row: Callable[[Finished], list[Cell] | None], run: Finished
) -> list[Cell] | None:
    try:
        return row(run)
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:
        raise damaged(run, error) from error


def _rank(run: Finished) -> float:
    """The best first, whatever else a damaged file holds."""
    accuracy = run.result.get("test_accuracy")
    if isinstance(accuracy, float | int):
        return -accuracy
    perplexity = run.result.get("test_perplexity")
    return perplexity if isinstance(perplexity, float | int) else 0.0


def _seeds_table(runs: Sequence[Finished]) -> ResultTable:
    """Means over the runs whose configurations differ in the seed alone."""
    groups: dict[str, dict[Any, Finished]] = {}
    for run in runs:
        if run.result.get("test_accuracy") is not None and run.config:
            group = groups.setdefault(_but_for_the_seed(run.config), {})
            group.setdefault(run.config.get("seed"), run)
    rows = [mean_row([*group.values()]) for group in groups.values() if len(group) > 1]
    note = (
        "Means over runs, with Student's interval: what another seed of search and "
        "training changes."
    )
    return ResultTable("seeds", "Several seeds", note, _SEEDS, rows)


def _but_for_the_seed(config: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in config.items() if name != "seed"}
    return json.dumps(rest, sort_keys=True)
