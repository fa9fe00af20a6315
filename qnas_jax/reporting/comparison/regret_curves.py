"""How far from the optimum a search is, against its budget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.regrets import FLOOR, Regret, Regrets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (
    style.VERMILLION,
    style.BLUE,
    style.GREEN,
    style.ORANGE,
    style.PURPLE,
    style.SKY,
    style.INK,
)
MOST_SHOWN = len(COLORS)
"""How many strategies get a colour; the others are thin and grey."""


@style.png
def regret_curves(found: Regrets, shown: Sequence[str], unit: str) -> "Figure":
    """Draws the mean distance to the optimum, in percentage points.

    Args:
      found: by task and strategy.
      shown: names that get a colour and a band, at most `MOST_SHOWN`.
      unit: what budgets count.

    Returns:
      A figure of one panel a task; bands are 95 % bootstrap intervals of the mean.
    """
    figure = style.new_figure(4.2 * max(len(found), 2), 4.4)
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for axes, (task, strategies) in zip(panels, found.items(), strict=True):
        for name, regret in strategies.items():
            if name not in shown:
                _draw(axes, regret, style.PALE, None)
        for name, color in zip(shown, COLORS, strict=False):
            if name in strategies:
                _draw(axes, strategies[name], color, name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(bottom=FLOOR)
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis)
        axes.set_title(task)
        axes.set_xlabel(unit.capitalize())
    panels[0].set_ylabel("Distance to the optimum\n(percentage points, mean)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw(axes: "Axes", regret: Regret, color: str, label: str | None) -> None:
    width = 1.6 if label else 1
    axes.plot(regret.budgets, regret.mean, color=color, label=label, lw=width)
    if regret.low is not None and regret.high is not None:
        ends = regret.low, regret.high
        axes.fill_between(regret.budgets, *ends, color=color, alpha=0.18, linewidth=0)
