"""The figure of a front: a staircase for each cost, knees labelled, limits drawn."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import formats, style
from qnas_jax.reporting.front import knees, sort_front
from qnas_jax.reporting.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@style.png
def front_figure(
    front: Sequence[Row],
    evaluated: Sequence[Row],
    costs: Mapping[str, str],
    *,
    exact: Sequence[Row] = (),
    limits: Mapping[str, float] | None = None,
    log: bool = False,
) -> "Figure":
    """Draws a front before all evaluations, once for each cost.

    Args:
      front: of `sort_front`, of all costs.
      evaluated: all evaluations, drawn as points; may be empty.
      costs: names of the costs, and labels of their axes.
      exact: the exact front, where it is known.
      limits: by name of the cost, what a network may cost; None: anything.
      log: whether the axes of costs are logarithmic.

    Returns:
      A figure of one panel a cost. The line is what nothing beats in score and this
      cost alone; what is on the front by another cost lies below it.
    """
    figure = style.new_figure(10, 4.8)
    panels = figure.subplots(1, len(costs), squeeze=False)[0]
    for axes, (cost, label) in zip(panels, costs.items(), strict=True):
        limit = (limits or {}).get(cost)
        _draw_points(axes, front, evaluated, cost, exact)
        if limit is not None:
            axes.axvline(limit, color=style.GREY, linestyle="--", label="limit")
        _label_knees(axes, sort_front(front, cost), cost)
        _frame_front(axes, front, cost, limit=limit, log=log)
        axes.set_title("What more costs: the front of the search")
        axes.set_xlabel(label)
        axes.set_ylabel("Score")
        axes.legend(loc="lower right")
    return figure


def _draw_points(
    axes: "Axes",
    front: Sequence[Row],
    evaluated: Sequence[Row],
    cost: str,
    exact: Sequence[Row],
) -> None:
    if evaluated:
        axes.scatter(
            *_columns(evaluated, cost),
            s=8,
            color=style.GREY,
            alpha=0.35,
            linewidths=0,
            label=f"evaluated ({len(evaluated):,})",
        )
    if exact:
        axes.step(
            *_columns(exact, cost),
            where="post",
            color=style.ORANGE,
            linewidth=1.2,
            label=f"exact front ({len(exact):,})",
        )
    axes.step(*_columns(sort_front(front, cost), cost), where="post", color=style.BLUE)
    axes.scatter(
        *_columns(front, cost),
        s=22,
        color=style.BLUE,
        zorder=3,
        linewidths=0,
        label=f"front ({len(front):,})",
    )


def _columns(rows: Sequence[Row], cost: str) -> tuple[np.ndarray, np.ndarray]:
    """Costs and scores."""
    return (
        np.array([row["costs"][cost] for row in rows], float),
        np.array([row["score"] for row in rows], float),
    )


def _label_knees(axes: "Axes", front: Sequence[Row], cost: str) -> None:
    from matplotlib.patheffects import withStroke

    for number, place in enumerate(sorted(knees(front, cost)), start=1):
        row = front[place]
        spot = row["costs"][cost], row["score"]
        axes.scatter(
            *spot,
            s=90,
            marker="D",
            color=style.VERMILLION,
            edgecolors="white",
            zorder=4,
            label="knee" if number == 1 else None,
        )
        axes.annotate(
            knee_label(row, cost),
            spot,
            xytext=(10, -16),
            textcoords="offset points",
            fontsize=8.5,
            zorder=5,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )


def knee_label(row: Row, cost: str) -> str:
    """What stands beside a knee: `0.9120 at 7.4`."""
    spent = formats.short_count(row["costs"][cost])
    return f"{formats.score(row['score'])} at {spent}"


def _frame_front(
    axes: "Axes", front: Sequence[Row], cost: str, *, limit: float | None, log: bool
) -> None:
    """Leaves out what lies far below the front, which would flatten it."""
    from matplotlib.ticker import EngFormatter

    costs, scores = _columns(front, cost)
    if not len(costs):
        return
    low = np.quantile(scores, 0.1) if len(scores) > 4 else scores.min()
    room = max(scores.max() - low, 1e-6)
    axes.set_ylim(low - 0.35 * room, scores.max() + 0.12 * room)
    dearest = costs.max() if limit is None else max(costs.max(), limit)
    if log and costs.min() > 0:
        axes.set_xscale("log")
        axes.set_xlim(costs[scores >= low - 0.35 * room].min() / 1.5, 1.5 * dearest)
        style.log_ticks(axes.xaxis)
    else:
        axes.set_xlim(0, 1.12 * dearest)
        # Counts in thousands and millions; milliseconds are a unit already.
        if cost != "latency_ms":
            axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
