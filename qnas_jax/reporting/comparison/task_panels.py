"""Figures of a panel a task, in which every strategy is a curve over its budget."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qnas_jax.reporting import style

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


def task_panels(
    tasks: Mapping[str, Mapping[str, Any]],
    shown: Sequence[str],
    draw: "Callable[[Axes, Any, str, str | None], None]",
    *,
    x: str,
    y: str,
    others: bool = True,
) -> "Figure":
    """Draws the curves of each task on a logarithmic axis of budgets.

    Args:
      tasks: what `draw` takes, by task and strategy.
      shown: strategies that get a colour and a label, at most `MOST_SHOWN`.
      draw: (axes, what is drawn, colour, label); without a label it is one of the
        others.
      x: label of the budgets.
      y: label of the values.
      others: whether the strategies that are not shown are drawn, pale, below them.

    Returns:
      A figure of one panel a task, in the order of the tasks.
    """
    figure = style.new_figure(4.2 * max(len(tasks), 2), 4.4)
    panels = figure.subplots(1, len(tasks), squeeze=False)[0]
    for axes, (task, strategies) in zip(panels, tasks.items(), strict=True):
        for name, curve in strategies.items():
            if others and name not in shown:
                draw(axes, curve, style.PALE, None)
        for name, color in zip(shown, COLORS, strict=False):
            if name in strategies:
                draw(axes, strategies[name], color, name)
        axes.set_xscale("log")
        style.log_ticks(axes.xaxis)
        axes.set_title(task)
        axes.set_xlabel(x)
    panels[0].set_ylabel(y)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
