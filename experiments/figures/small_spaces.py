"""The best true value that a search knows of, against its evaluations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.task_panels import task_panels

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
    y = "Test accuracy of what is best so far (%, mean)"
    figure = task_panels(tasks, shown, _draw, x="Evaluations", y=y)
    for axes, strategies in zip(figure.axes, tasks.values(), strict=True):
        optimum = next(iter(strategies.values())).optimum
        axes.axhline(100 * optimum, color=style.INK, linestyle=":", linewidth=1)
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
