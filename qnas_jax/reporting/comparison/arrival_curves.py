"""When searches see the first arch of the top 1 %."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.regret_curves import COLORS
from qnas_jax.reporting.comparison.regrets import arrivals

if TYPE_CHECKING:
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
      A figure of one panel a task.
    """
    figure = style.new_figure(4.2 * max(len(tasks), 2), 3.9)
    panels = figure.subplots(1, len(tasks), squeeze=False, sharey=True)[0]
    for axes, (task, strategies) in zip(panels, tasks.items(), strict=True):
        for name, color in zip(shown, COLORS, strict=False):
            if name in strategies:
                x, y = arrivals(strategies[name])
                axes.step(x, y, where="post", color=color, label=name)
        axes.set_xscale("log")
        style.log_ticks(axes.xaxis)
        axes.set_title(task)
        axes.set_xlabel("Evaluations")
    panels[0].set_ylabel("Searches that saw\nan arch of the top 1 %")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
