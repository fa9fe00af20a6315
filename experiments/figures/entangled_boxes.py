"""The results of `entangled_registers` as box plots."""

import math
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = {"qbit": style.ORANGE, "qudit": style.GREEN, "entangled": style.BLUE}

Samples = dict[str, dict[str, np.ndarray]]
"""By problem and strategy the best scores [S] of the searches."""


@style.png
def comparison_figure(samples: Samples) -> "Figure":
    """Draws the results as box plots, a panel a problem.

    Args:
      samples: of `run`.

    Returns:
      A figure of at most five panels in a row.
    """
    columns = min(5, len(samples))
    rows = math.ceil(len(samples) / columns)
    figure = style.new_figure(2.4 * columns + 0.6, 2.7 * rows + 0.3)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (problem, by_strategy) in zip(panels, samples.items(), strict=False):
        _draw_boxes(axes, by_strategy)
        axes.set_title(problem.replace("_", " "))
    for axes in panels[::columns]:
        axes.set_ylabel("Best score (optimum: 1)")
    for axes in panels[len(samples) :]:
        axes.set_visible(False)
    return figure


def _draw_boxes(axes: "Axes", by_strategy: dict[str, np.ndarray]) -> None:
    boxes = axes.boxplot(
        list(by_strategy.values()),
        tick_labels=list(by_strategy),
        patch_artist=True,
        widths=0.6,
        flierprops={"markersize": 2.5, "markeredgecolor": style.GREY},
        medianprops={"color": style.INK},
    )
    for box, strategy in zip(boxes["boxes"], by_strategy, strict=True):
        box.set_facecolor(_COLORS[strategy])
        box.set_alpha(0.75)
    axes.axhline(1.0, color=style.GREY, linestyle=":", linewidth=1)
    axes.grid(False, axis="x")
