"""Charts of a comparison: distance to the optimum, and time to the top 1 %."""

from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.reporting.charts import Axis, Chart, Line
from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.regrets import FLOOR, Regrets, arrivals

COLORS = ("vermillion", "blue", "green", "orange", "purple", "sky", "ink")
"""Of the strategies that are shown, in order; as in `regret_curves.COLORS`."""


def regret_charts(found: Regrets, shown: Sequence[str], unit: str) -> list[Chart]:
    """The mean distance to the optimum.

    Args:
      found: by task and strategy.
      shown: names that get a colour and a band; the others are thin.
      unit: what budgets count.

    Returns:
      A panel a task.
    """
    colors = dict(zip(shown, COLORS, strict=False))
    charts = []
    for task, strategies in found.items():
        ordered = [*sorted(set(strategies) - set(shown)), *shown]
        lines = [
            Line(
                name if name in colors else "",
                colors.get(name, "soft"),
                strategies[name].budgets,
                strategies[name].mean,
                low=strategies[name].low,
                high=strategies[name].high,
            )
            for name in ordered
            if name in strategies
        ]
        ends = (
            f"{line.label} {line.y[-1]:.3g} after {line.x[-1]:.4g}"
            for line in lines
            if line.label
        )
        highest = max((float(np.max(line.y)) for line in lines), default=1.0)
        y = Axis("Distance (percentage points)", (FLOOR, 1.2 * highest), log=True)
        x = Axis(unit.capitalize(), log=True)
        says = f"mean distance to the optimum in points, {', '.join(ends)} {unit}."
        charts.append(Chart(task, says, x, y, lines))
    return charts


def arrival_charts(
    tasks: Mapping[str, Mapping[str, Curves]], shown: Sequence[str]
) -> list[Chart]:
    """The share of the searches that have seen an arch of the top 1 %.

    Args:
      tasks: curves by task and strategy.
      shown: names that are drawn.

    Returns:
      A panel a task.
    """
    charts = []
    for task, strategies in tasks.items():
        lines = []
        for name, color in zip(shown, COLORS, strict=False):
            if name in strategies:
                x, share = arrivals(strategies[name])
                lines.append(Line(name, color, x, 100 * share, step=True))
        ends = ", ".join(f"{line.label} {line.y[-1]:.0f} %" for line in lines)
        axis = Axis("Evaluations", log=True)
        y = Axis("Searches (%)", (0.0, 102.0))
        charts.append(Chart(task, f"in the end {ends}.", axis, y, lines))
    return charts
