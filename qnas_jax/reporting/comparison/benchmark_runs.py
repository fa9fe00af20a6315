"""Searches of benchmark runs as curves of a comparison.

Only searches that can stand side by side: of at least two strategies on one table whose
test values lie in [0, 1], the larger the better, under the same limits, with budgets of
one unit, and two searches or more of each.
"""

import collections
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.reading import parse_json, read_bytes
from qnas_jax.reporting.comparison.finished_runs import Finished, damaged
from qnas_jax.reporting.comparison.page import Focus
from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.task_panels import MOST_SHOWN

_REFERENCE = "random"


def benchmark_curves(
    found: Iterable[Finished],
) -> tuple[dict[str, dict[str, Curves]], str]:
    """Groups the searches of runs by table and strategy.

    Args:
      found: runs of any kind.

    Returns:
      Curves by task and strategy, and the unit of their budgets: the one that most of
      the runs have. No tasks where nothing can stand side by side.

    Raises:
      UserError: the rows of a run are not as a run leaves them.
    """
    runs = [run for run in found if _compares(run)]
    units = collections.Counter(run.result["budget_in"] for run in runs)
    unit = units.most_common(1)[0][0] if units else ""
    tasks: dict[str, dict[str, Curves]] = {}
    for task, group in _by_task(runs, unit).items():
        named = _named(group)
        curves = {name: _curves(run, name, task) for name, run in named.items()}
        if len(curves) > 1:
            tasks[task] = curves
    return tasks, unit.replace("_", " ")


def focus_of(tasks: Mapping[str, Mapping[str, Curves]], unit: str) -> Focus:
    """What a page looks at: all against random search, or else against the first.

    The reference is not chosen by how well it did, which would flatter it.

    Args:
      tasks: at least one.
      unit: of the budgets.

    Returns:
      The focus; decisive is the largest budget that all searches have, or where there
      is none, the largest of all.
    """
    groups = tasks.values()
    names = list(dict.fromkeys(name for group in groups for name in group))
    reference = _REFERENCE if _REFERENCE in names else names[0]
    others = [name for name in names if name != reference]
    axes = [set(curves.budgets) for group in groups for curves in group.values()]
    shared = set.intersection(*axes) or set.union(*axes)
    return Focus(
        reference=reference,
        peers=tuple(others),
        shown=(reference, *others[: MOST_SHOWN - 1]),
        budgets=tuple(sorted(float(each) for each in set.union(*axes))),
        decisive=(float(max(shared)),),
        unit=unit,
    )


def _compares(run: Finished) -> bool:
    """Whether a run is a benchmark whose values are shares, and were tested."""
    result, table = run.result, run.config.get("table") or {}
    return (
        "table" in result
        and result.get("optimum") is not None
        and 0 <= result["optimum"] <= 1
        and table.get("maximise", True)
        and result.get("searches", 0) > 1
        and (run.folder / "rows.jsonl").is_file()
    )


def _by_task(runs: Sequence[Finished], unit: str) -> dict[str, list[Finished]]:
    """Runs by the table that they search and its limits; names are told apart."""
    groups: dict[str, list[Finished]] = {}
    for run in runs:
        if run.result["budget_in"] == unit:
            limits = run.result.get("constraints") or {}
            same = [run.config["table"], limits, run.result["optimum"]]
            groups.setdefault(json.dumps(same, sort_keys=True), []).append(run)
    named: dict[str, list[Finished]] = {}
    for group in groups.values():
        result = group[0].result
        limits = (result.get("constraints") or {}).items()
        name = ", ".join(
            [result["table"], *(f"{cost} <= {limit:,g}" for cost, limit in limits)]
        )
        named[f"{name} ({len(named) + 1})" if name in named else name] = group
    return named


def _named(group: Sequence[Finished]) -> dict[str, Finished]:
    """Runs by strategy; where several have one, with their folders."""
    counts = collections.Counter(run.result["strategy"] for run in group)
    return {
        run.result["strategy"]
        if counts[run.result["strategy"]] == 1
        else f"{run.result['strategy']} ({run.folder})": run
        for run in group
    }


def _curves(run: Finished, name: str, task: str) -> Curves:
    path = run.folder / "rows.jsonl"
    lines = enumerate(read_bytes(path).splitlines(), start=1)
    rows = [parse_json(line, f"{path}, line {number}") for number, line in lines]
    try:
        return Curves(
            strategy=name,
            task=task,
            budgets=np.array(rows[0]["budgets"], np.float64),
            test=_tested(rows),
            first_top=np.zeros(0),
            evaluations=float(np.max([row["evaluations"][-1] for row in rows])),
            optimum=float(run.result["optimum"]),
        )
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise damaged(run, error) from error


def _tested(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Test values [S, B]; NaN where a search had found nothing."""
    values = np.array([row["test"] for row in rows], np.float64)
    if values.shape != (len(rows), len(rows[0]["budgets"])):
        raise ValueError(f"got tests {values.shape}, expected one a search and budget")
    return values
