"""The best true value that a search knows of, against its evaluations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.regret_curves import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@style.png
def best_values(
    tasks: Mapping[str, Mapping[str, Curves]], shown: Sequence[str]
) -> "Figure":
    """Draws mean test accuracies.

    Args:
      tasks: curves by task and strategy.
      shown: strategies that get a colour and a band, at most seven; the others are thin
        and grey.

    Returns:
      A figure of one panel a task; bands are 95 % intervals of the mean, a dotted line
      is the highest test accuracy of the table.
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
        optimum = next(iter(strategies.values())).optimum
        axes.axhline(100 * optimum, color=style.INK, linestyle=":", linewidth=1)
        axes.set_xscale("log")
        style.log_ticks(axes.xaxis)
        axes.set_title(task)
        axes.set_xlabel("Evaluations")
    panels[0].set_ylabel("Test accuracy of what is best so far (%, mean)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw(axes: "Axes", curves: Curves, color: str, label: str | None) -> None:
    reached = ~np.isnan(curves.test).any(axis=0)
    budgets, test = curves.budgets[reached], 100 * curves.test[:, reached]
    mean = test.mean(axis=0)
    axes.plot(budgets, mean, color=color, label=label, lw=1.6 if label else 1)
    if label:
        half = 1.96 * test.std(axis=0, ddof=1) / np.sqrt(len(test))
        ends = mean - half, mean + half
        axes.fill_between(budgets, *ends, color=color, alpha=0.18, linewidth=0)
