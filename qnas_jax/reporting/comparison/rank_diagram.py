"""The critical-difference diagram: mean ranks on a line, bars join what is level."""

from typing import TYPE_CHECKING

from qnas_jax.reporting import style
from qnas_jax.reporting.comparison.ranks import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@style.png
def rank_diagram(ranking: Ranking, highlighted: str | None = None) -> "Figure":
    """Draws a ranking.

    Args:
      ranking: mean ranks and their critical difference.
      highlighted: the strategy in colour.

    Returns:
      A figure of one panel; the best is at the upper left.
    """
    count = len(ranking.names)
    rows = (count + 1) // 2
    cliques = ranking.cliques()
    figure = style.new_figure(10, 1.3 + 0.13 * len(cliques) + 0.24 * rows)
    axes = figure.subplots()
    margin = 0.32 * (count - 1.0)
    axes.set_xlim(1.0 - margin, count + margin)
    axes.set_ylim(-(1.2 + 0.45 * len(cliques) + rows), 1.6)
    axes.axis("off")
    _scale(axes, count)
    _difference(axes, ranking.difference)
    for place, (first, last) in enumerate(cliques):
        height = -0.5 - 0.45 * place
        ends = ranking.ranks[first] - 0.05, ranking.ranks[last] + 0.05
        axes.plot(ends, [height, height], color=style.GREY, lw=3, solid_capstyle="butt")
    start = -0.9 - 0.45 * len(cliques)
    ranked = zip(ranking.names, ranking.ranks, strict=True)
    for place, (name, rank) in enumerate(ranked):
        left = place < rows
        line = start - (place if left else count - 1 - place)
        edge = 1.0 - 0.02 * margin if left else count + 0.02 * margin
        color = style.VERMILLION if name == highlighted else style.INK
        axes.plot([rank, rank, edge], [0, line, line], color=color, lw=0.8)
        _label(axes, (edge, line), name, rank, color, left=left)
    return figure


def _difference(axes: "Axes", difference: float) -> None:
    axes.plot([1.0, 1.0 + difference], [1.25, 1.25], color=style.INK, lw=2)
    text = f"  critical difference {difference:.2f}"
    axes.text(1.0 + difference, 1.25, text, va="center")


def _label(
    axes: "Axes",
    place: tuple[float, float],
    name: str,
    rank: float,
    color: str,
    *,
    left: bool,
) -> None:
    axes.text(
        *place,
        f"{name} ({rank:.2f}) " if left else f" {name} ({rank:.2f})",
        ha="right" if left else "left",
        va="center",
        color=color,
        fontsize=8.5,
    )


def _scale(axes: "Axes", count: int) -> None:
    axes.plot([1, count], [0, 0], color=style.INK, lw=1)
    step = 1 if count <= 12 else 2
    for tick in range(1, count + 1, step):
        axes.plot([tick, tick], [0, 0.18], color=style.INK, lw=1)
        axes.text(tick, 0.28, str(tick), ha="center", va="bottom", fontsize=8.5)
