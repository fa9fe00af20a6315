"""When searches see the first arch of the top 1 %."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.regrets import arrivals
from qnas_jax.reporting.comparison.task_panels import task_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@style.png
def arrival_curves(
    tasks: Mapping[str, Mapping[str, Curves]], shown: Sequence[str]
) -> "Figure":
    """Draws the share of the searches that have seen an arch of the top 1 %.

    Args:
      tasks: curves by task and strategy.
      shown: names that are drawn.

    Returns:
      A figure of one panel a task, from no search to all of them.
    """
    figure = task_panels(
        tasks,
        shown,
        _draw,
        x="Evaluations",
        y="Searches that saw\nan arch of the top 1 %",
        others=False,
    )
    for axes in figure.axes:
        axes.set_ylim(-0.03, 1.03)
    return figure


def _draw(axes: "Axes", curves: Curves, color: str, label: str | None) -> None:
    axes.step(*arrivals(curves), where="post", color=color, label=label)
