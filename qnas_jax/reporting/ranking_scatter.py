"""Figure of the ranking: the search's score against the true accuracy."""

from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.ranking_table import score_name
from qnas_jax.reporting.rows import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@style.png
def ranking_scatter(ranking: Row) -> "Figure":
    """Draws the true accuracy of every arch against the score the search saw.

    Args:
      ranking: `true` in [0, 1], `scores`, and the rank correlations of both.

    Returns:
      A figure of one panel.
    """
    figure = style.new_figure(10, 4.6)
    axes = figure.subplots()
    true = np.asarray(ranking["true"], np.float64)
    axes.scatter(
        np.asarray(ranking["scores"], np.float64),
        true * 100,
        s=10 if len(true) > 500 else 22,
        color=style.BLUE,
        alpha=0.35 if len(true) > 500 else 0.7,
        linewidths=0,
    )
    axes.set_title(
        f"Kendall's tau {ranking['kendall_tau']:.3f}, "
        f"Spearman's rho {ranking['spearman']:.3f}, {len(true):,} architectures"
    )
    name = score_name(ranking.get("score", "accuracy"))
    axes.set_xlabel(f"Score with inherited weights ({name}), larger is better")
    axes.set_ylabel("True accuracy (%)")
    return figure
