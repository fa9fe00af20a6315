"""Figure of the ranking: which score orders the space best, and its best tenth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.ranking_table import score_name
from qnas_jax.reporting.rows import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SERIES = (
    ("all architectures", "kendall_tau", "tau", style.BLUE, -0.2),
    ("the truly best tenth", "best_tenth_tau", "best_tenth", style.ORANGE, 0.2),
)


@style.png
def ranking_bars(measures: Mapping[str, Row]) -> "Figure":
    """Draws Kendall's tau by score, with its interval, over all and inside the best.

    Args:
      measures: by the name of a score, the fields of `RankingMeasures.row`.

    Returns:
      A figure of one panel; a bar that is not known is left out.
    """
    figure = style.new_figure(6.6, 1.6 + 0.55 * len(measures))
    axes = figure.subplots()
    places = np.arange(len(measures))
    for label, field, ends, color, shift in _SERIES:
        rows = [(y, row) for y, row in zip(places, measures.values(), strict=True)]
        known = [(y + shift, row) for y, row in rows if row[field] is not None]
        if not known:
            continue
        heights = np.array([y for y, _ in known])
        values = np.array([row[field] for _, row in known])
        low = np.array([row[f"{ends}_low"] for _, row in known])
        high = np.array([row[f"{ends}_high"] for _, row in known])
        axes.barh(heights, values, height=0.36, color=color, label=label)
        axes.errorbar(
            values,
            heights,
            xerr=np.maximum([values - low, high - values], 0),
            fmt="none",
            ecolor=style.INK,
            elinewidth=1,
            capsize=2,
        )
        for y, value, end in zip(heights, values, high, strict=True):
            axes.annotate(
                f"{value:.2f}",
                (max(end, 0), y),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
    axes.set_yticks(places, [score_name(name) for name in measures])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.axvline(0, color=style.GREY, linewidth=0.8)
    axes.margins(x=0.08)
    axes.set_xlabel("Kendall's tau with the true accuracy, 95 % over architectures")
    axes.set_ylabel("Score")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return figure
