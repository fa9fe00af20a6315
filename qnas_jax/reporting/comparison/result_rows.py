"""A run's result as the cells of a row."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.reporting import formats
from qnas_jax.reporting.comparison.finished_runs import Finished
from qnas_jax.reporting.facts import num_tested
from qnas_jax.reporting.statistics import interval_of_mean
from qnas_jax.reporting.wilson import wilson_interval


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
      text: what is read.
      value: what a column is sorted by; None where there is none.
      below: the interval of the value, where it stands below it.
    """

    text: str
    value: float | None = None
    below: str = ""


def network_row(run: Finished) -> list[Cell] | None:
    """Of a run that found a network with an accuracy; None of others."""
    result = run.result
    if "arch" not in result or "test_perplexity" in result:
        return None
    accuracy, ends = result.get("test_accuracy"), None
    tested = num_tested(result)
    if accuracy is not None and tested:
        ends = wilson_interval(accuracy, tested)
    measured = Cell(formats.percent(accuracy), accuracy)
    return _of_job(run, measured, _interval(ends, formats.percent))


def language_row(run: Finished) -> list[Cell] | None:
    """Of a run that found a language model; None of others."""
    result = run.result
    if "test_perplexity" not in result:
        return None
    perplexity = result["test_perplexity"]
    ends = (result.get("intervals") or {}).get("test_perplexity")
    measured = Cell(formats.score(perplexity), perplexity)
    return _of_job(run, measured, _interval(ends, formats.score))


def _of_job(run: Finished, *measured: Cell) -> list[Cell]:
    result = run.result
    spent = sum((result.get("seconds") or {}).values())
    verdict = (result.get("worth") or {}).get("verdict", formats.MISSING)
    return [
        Cell(str(run.folder)),
        *_words(result, "data", "space", "strategy"),
        *measured,
        *(_number(result.get(name)) for name in ("parameters", "macs", "evaluations")),
        Cell(formats.duration(spent), spent),
        Cell(str(verdict)),
        Cell(str(result.get("seed", formats.MISSING)), result.get("seed")),
    ]


def mean_row(group: Sequence[Finished]) -> list[Cell]:
    """Of two or more runs that differ in their seeds."""
    accuracies = [run.result["test_accuracy"] for run in group]
    worths = [run.result.get("worth") or {} for run in group]
    ahead = [worth["difference"] for worth in worths if "difference" in worth]
    first = min(run.folder for run in group)
    return [
        Cell(f"{first} and {len(group) - 1} more"),
        _number(len(group)),
        *_mean(accuracies, formats.percent),
        *_mean(ahead if len(ahead) == len(group) else [], formats.points),
    ]


def _mean(values: Sequence[float], show: Callable[[float], str]) -> tuple[Cell, Cell]:
    """A mean and its interval; dashes where there is none."""
    if not values:
        return Cell(formats.MISSING), Cell(formats.MISSING)
    mean = float(np.mean(values))
    deviation = float(np.std(values, ddof=1))
    ends = interval_of_mean(mean, deviation, len(values))
    return Cell(show(mean), mean), _interval(ends, show)


def benchmark_row(run: Finished) -> list[Cell] | None:
    """Of searches on a table; None of others."""
    result = run.result
    if "table" not in result:
        return None
    last = result["budgets"][-1]
    found = last.get("test", last["validation"])
    mean, deviation = found["mean"], found.get("sd")
    ends = None
    if mean is not None and deviation is not None:
        ends = interval_of_mean(mean, deviation, found["searches"])
    return [
        Cell(str(run.folder)),
        *_words(result, "table", "strategy"),
        _number(result.get("searches")),
        Cell(f"{last['budget']:g} {result['budget_in']}", last["budget"]),
        Cell(formats.MISSING if mean is None else f"{mean:.5g}", mean),
        _interval(ends, lambda end: f"{end:.5g}"),
    ]


def solve_row(run: Finished) -> list[Cell] | None:
    """Of an optimiser on a cost; None of others."""
    result = run.result
    if "optimiser" not in result:
        return None
    return [
        Cell(str(run.folder)),
        *_words(result, "file", "optimiser"),
        Cell(f"{result['cost']:.6g}", result["cost"]),
        _number(result.get("evaluations")),
    ]


def _words(result: Mapping[str, Any], *names: str) -> list[Cell]:
    return [Cell(str(result.get(name, formats.MISSING))) for name in names]


def _number(value: float | None) -> Cell:
    return Cell(formats.count(value), value)


def _interval(ends: Sequence[float] | None, show: Callable[[float], str]) -> Cell:
    if ends is None:
        return Cell(formats.MISSING)
    return Cell(f"{show(ends[0])} to {show(ends[1])}", ends[0])
