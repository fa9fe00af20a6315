"""What strategies of several objectives found, as a table with tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.measuring.rows import table
from qnas_jax.reporting.rank_tests import rank_test
from qnas_jax.reporting.statistics import holm

TESTED = (50, 100, 200, 500)
REFERENCE = "nsga2"

Samples = Mapping[str, Mapping[str, np.ndarray]]
"""By task and strategy, shares [S, B]."""


def samples(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, np.ndarray]]:
    """Rows by task and strategy."""
    found: dict[str, dict[str, list[Any]]] = {}
    for row in rows:
        found.setdefault(row["task"], {}).setdefault(row["strategy"], []).append(
            row["share"]
        )
    return {
        task: {name: np.asarray(values) for name, values in strategies.items()}
        for task, strategies in found.items()
    }


def result_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row a task, strategy and tested budget, with the test against `REFERENCE`.

    Wilcoxon's rank-sum test (that of Mann & Whitney), two-sided, with Holm's correction
    over all comparisons of the table.
    """
    budgets = rows[0]["budgets"]
    tested = [budget for budget in TESTED if budget in budgets]
    lines: list[dict[str, Any]] = []
    tests = []
    for task, strategies in samples(rows).items():
        for name, values in strategies.items():
            for budget in tested:
                column = budgets.index(budget)
                own = values[:, column]
                line = {
                    "task": task,
                    "strategy": name,
                    "evaluations": budget,
                    "share of the exact hypervolume": (
                        f"{own.mean():.4f} ± {_deviation(own):.4f}"
                    ),
                    "mean": float(own.mean()),
                    "searches": len(own),
                    "superiority": None,
                    "p": None,
                }
                lines.append(line)
                if name != REFERENCE and REFERENCE in strategies:
                    other = strategies[REFERENCE][:, column]
                    line["superiority"], p_value = rank_test(own, other)
                    tests.append((line, p_value))
    for (line, _), p_value in zip(tests, holm([p for _, p in tests]), strict=True):
        line["p"] = p_value
    return lines


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def result_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The results in Markdown."""
    shown = []
    for line in result_rows(rows):
        superiority = line["superiority"]
        p_value = line["p"]
        shown.append(
            {
                **line,
                f"P(better than {REFERENCE})": (
                    "-" if superiority is None else f"{superiority:.2f}"
                ),
                "p (Holm)": (
                    "-"
                    if p_value is None
                    else "< 0.001"
                    if p_value < 0.001
                    else f"{p_value:.3f}"
                ),
            }
        )
    columns = [
        "task",
        "strategy",
        "evaluations",
        "share of the exact hypervolume",
        f"P(better than {REFERENCE})",
        "p (Holm)",
        "searches",
    ]
    return table(shown, columns)
