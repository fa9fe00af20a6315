"""How far from the optimum a search is, against its budget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.regrets import FLOOR, Regret, Regrets
from qnas_jax.reporting.comparison.task_panels import task_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@style.png
def regret_curves(found: Regrets, shown: Sequence[str], unit: str) -> "Figure":
    """Draws the mean distance to the optimum, in percentage points.

    Args:
      found: by task and strategy.
      shown: names that get a colour and a band, at most `task_panels.MOST_SHOWN`.
      unit: what budgets count.

    Returns:
      A figure of one panel a task; bands are 95 % bootstrap intervals of the mean.
    """
    y = "Distance to the optimum\n(percentage points, mean)"
    figure = task_panels(found, shown, _draw, x=unit.capitalize(), y=y)
    for axes in figure.axes:
        axes.set_yscale("log")
        axes.set_ylim(bottom=FLOOR)
        style.log_ticks(axes.yaxis)
    return figure


def _draw(axes: "Axes", regret: Regret, color: str, label: str | None) -> None:
    width = 1.6 if label else 1
    axes.plot(regret.budgets, regret.mean, color=color, label=label, lw=width)
    if regret.low is not None and regret.high is not None:
        ends = regret.low, regret.high
        axes.fill_between(regret.budgets, *ends, color=color, alpha=0.18, linewidth=0)
