"""How much of the exact front's hypervolume is still missing, against evaluations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = (
    style.BLUE,
    style.PURPLE,
    style.GREEN,
    style.VERMILLION,
    style.SKY,
    style.GREY,
    style.ORANGE,
)
_LINES = ("-", "--", "-.")
"""Of the first seven strategies, the next seven, ..."""


@style.png
def fronts_figure(
    tasks: Mapping[str, Mapping[str, np.ndarray]], budgets: Sequence[int]
) -> "Figure":
    """Draws the mean missing share of every strategy, with its quartiles.

    Args:
      tasks: by task and strategy, shares of the exact hypervolume [S, B].
      budgets: B numbers of evaluations.

    Returns:
      A figure of one panel a task.
    """
    figure = style.new_figure(4.6 * max(len(tasks), 2), 4.2)
    panels = figure.subplots(1, len(tasks), squeeze=False, sharey=True)[0]
    x = np.asarray(budgets)
    for axes, (task, strategies) in zip(panels, tasks.items(), strict=True):
        for place, (name, values) in enumerate(strategies.items()):
            turn, hue = divmod(place, len(_COLORS))
            color, line = _COLORS[hue], _LINES[turn % len(_LINES)]
            missing = np.maximum(100 * (1 - values), 1e-3)
            low, high = np.quantile(missing, [0.25, 0.75], axis=0)
            axes.plot(x, missing.mean(axis=0), line, color=color, label=name)
            axes.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
        axes.axhline(1.0, color=style.INK, linestyle=":", linewidth=1)
        axes.set_xscale("log")
        axes.set_yscale("log")
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis)
        axes.set_title(task)
        axes.set_xlabel("Evaluations")
    panels[0].set_ylabel("Missing hypervolume (%, mean, quartiles)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure
