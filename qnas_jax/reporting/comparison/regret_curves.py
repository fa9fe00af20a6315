"""How far from the optimum a search is, against its budget."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.spread import mean_interval

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
FLOOR = 0.005
"""Percentage points at the lower edge; what is nearer to the optimum lies on it."""

MOST_SHOWN = len(COLORS)
"""How many strategies get a colour; the others are thin and grey."""


@style.png
def regret_curves(
    tasks: Mapping[str, Mapping[str, Curves]], shown: Sequence[str], unit: str
) -> "Figure":
    """Draws the mean distance to the optimum, in percentage points.

    Args:
      tasks: curves by task and strategy.
      shown: names that get a colour and a band, at most `MOST_SHOWN`.
      unit: what budgets count.

    Returns:
      A figure of one panel a task; bands are 95 % bootstrap intervals of the mean.
    """
    figure = style.new_figure(4.2 * max(len(tasks), 2), 4.4)
    panels = figure.subplots(1, len(tasks), squeeze=False)[0]
    for axes, (task, strategies) in zip(panels, tasks.items(), strict=True):
        for name, curves in strategies.items():
            if name not in shown:
                _draw(axes, curves, style.PALE, None)
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


def _draw(axes: "Axes", curves: Curves, color: str, label: str | None) -> None:
    known = ~np.isnan(curves.test).any(axis=0)
    if not known.any():
        return
    regret = 100 * (curves.optimum - curves.test[:, known])
    budgets, mean = curves.budgets[known], np.maximum(regret.mean(axis=0), FLOOR)
    axes.plot(budgets, mean, color=color, label=label, lw=1.6 if label else 1)
    if label:
        ends = [np.maximum(end, FLOOR) for end in mean_interval(regret)]
        axes.fill_between(budgets, *ends, color=color, alpha=0.18, linewidth=0)
