"""Rows of searches, one a strategy, task and seed, and the curves that they make.

A row holds `strategy`, `task`, `seed`, `budgets` (the axis of the curves), `validation`
and `test` (of the arch with the best validation score within each budget, in [0, 1];
null where the search was not run so far), `first_top` (evaluations until the first arch
of the top 1 %, null if there was none) and `optimum` (the highest test score of the
task). A row with `transfer` instead of curves belongs to the table of published
results: test scores by task after a budget in seconds.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.reading import parse_json, read_bytes

Row = dict[str, Any]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_number_or_null(value: Any) -> bool:
    return value is None or _is_number(value)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _are_numbers_or_null(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number_or_null, value))


def _are_scores(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


_CURVE: dict[str, Callable[[Any], bool]] = {
    "strategy": _is_text,
    "task": _is_text,
    "seed": _is_number,
    "budgets": _are_numbers,
    "test": _are_numbers_or_null,
    "first_top": _is_number_or_null,
    "optimum": _is_number,
}
_TRANSFER: dict[str, Callable[[Any], bool]] = {
    "strategy": _is_text,
    "transfer": _are_scores,
}
"""What the fields of a row must be, of curves and of published results."""


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """All searches of one strategy on one task.

    Attributes:
      strategy: name.
      task: name.
      budgets: float64 [B], ascending.
      test: float64 [S, B], NaN where the search was not run so far.
      first_top: float64 [S], evaluations until the first arch of the top 1 %, inf if
        there was none; [0] where that was not kept.
      evaluations: the evaluations that a search had, for `first_top`.
      optimum: the highest test score of the task.
    """

    strategy: str
    task: str
    budgets: np.ndarray
    test: np.ndarray
    first_top: np.ndarray
    evaluations: float
    optimum: float

    def at(self, budget: float) -> np.ndarray | None:
        """Test scores [S] at a budget; None where the searches did not get so far."""
        places = np.flatnonzero(self.budgets == budget)
        if places.size == 0:
            return None
        values = self.test[:, places[0]]
        return None if np.isnan(values).any() else values


def read_comparison(path: pathlib.Path) -> list[Row]:
    """Reads a JSONL file.

    Args:
      path: the file.

    Returns:
      Its rows.

    Raises:
      MissingFileError: there is no such file.
      UserError: a line is not a row of a comparison; the message names the line.
    """
    rows = []
    budgets: dict[tuple[str, str], list[float]] = {}
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        row = parse_json(line, f"{path}, line {number}")
        wrong = _wrong_field(row)
        if not wrong and "transfer" not in row:
            known = budgets.setdefault((row["task"], row["strategy"]), row["budgets"])
            if known != row["budgets"] or len(row["test"]) != len(known):
                wrong = f"with other budgets or tests than {str(known)[:60]}"
        if wrong:
            raise UserError(
                f"{path}, line {number}: got a row {wrong}, expected a row of a "
                "comparison"
            )
        rows.append(row)
    return rows


def _wrong_field(row: Any) -> str:
    """What keeps a JSON value from being a row, in words, or ""."""
    if not isinstance(row, dict):
        return f"that is a JSON {type(row).__name__}"
    forms = _TRANSFER if "transfer" in row else _CURVE
    missing = [name for name in forms if name not in row]
    if missing:
        return f"without {', '.join(missing)}"
    for name, fits in forms.items():
        if not fits(row[name]):
            return f"with {name} {str(row[name])[:60]!r}"
    return ""


def curves_by_task(rows: Iterable[Row]) -> dict[str, dict[str, Curves]]:
    """Groups rows into curves, in the order in which they come.

    Args:
      rows: rows of searches; those of published tables are passed over.

    Returns:
      Curves by task and strategy.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if "transfer" not in row:
            groups.setdefault((row["task"], row["strategy"]), []).append(row)
    tasks: dict[str, dict[str, Curves]] = {}
    for (task, strategy), members in groups.items():
        tasks.setdefault(task, {})[strategy] = _curves(task, strategy, members)
    return tasks


def _curves(task: str, strategy: str, rows: Sequence[Row]) -> Curves:
    first = rows[0]
    test = np.array([row["test"] for row in rows], np.float64)  # null becomes NaN
    budgets = np.array(first["budgets"], np.float64)
    top = [np.inf if row["first_top"] is None else row["first_top"] for row in rows]
    reached = budgets[~np.isnan(test).any(axis=0)]
    return Curves(
        strategy=strategy,
        task=task,
        budgets=budgets,
        test=test,
        first_top=np.array(top, np.float64),
        evaluations=float(reached[-1]) if reached.size else 0.0,
        optimum=float(first["optimum"]),
    )


def transfers(rows: Iterable[Row]) -> dict[str, dict[str, np.ndarray]]:
    """Test scores of the rows that stand beside published tables.

    Args:
      rows: rows of any kind.

    Returns:
      By strategy and task, float64 [S].
    """
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        for task, value in row.get("transfer", {}).items():
            found.setdefault(row["strategy"], {}).setdefault(task, []).append(value)
    return {
        strategy: {task: np.array(values) for task, values in tasks.items()}
        for strategy, tasks in found.items()
    }
