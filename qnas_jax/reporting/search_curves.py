"""Figures of the search: progress over evaluations, score against cost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.reporting import style
from qnas_jax.reporting.rows import Row, column, scored

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Field of a row's cost -> name in a sentence, label of an axis.
COSTS = {
    "params": ("parameters", "Parameters"),
    "macs": ("MACs", "Multiply-accumulates an input (MACs)"),
    "latency_ms": ("latency", "Latency of one input (ms)"),
}


SCORES = {
    "accuracy": "Validation accuracy",
    "loss": "Negative validation loss",
    "balanced_accuracy": "Balanced validation accuracy",
    "macro_f1": "Validation macro F1",
    "perplexity": "Negative validation perplexity",
    "fused": "Fused score",
}
"""Label of the axis of a score, by the metric that it is made of."""


@style.png
def search_progress(
    rows: Sequence[Row], history: Sequence[Row], scored_by: str = ""
) -> "Figure":
    """Draws best so far, best and mean of each generation over the evaluations.

    Args:
      rows: the `search` rows, by generation; `evaluations` counts from the start.
      history: all evaluations, drawn as points behind the curves; may be empty.
      scored_by: the metric that the search improved; "" where it is not known.

    Returns:
      A figure of one panel.
    """
    figure = style.new_figure(10, 4)
    axes = figure.subplots()
    points = scored(history)
    if points:
        axes.scatter(
            column(points, "evaluation"),
            column(points, "score"),
            s=6,
            color=style.GREY,
            alpha=0.3,
            linewidths=0,
            label="one evaluation",
        )
    evaluations = column(rows, "evaluations")
    generation_best = column(rows, "generation_best")
    style.plot_line(
        axes, evaluations, column(rows, "mean"), style.ORANGE, "generation mean"
    )
    style.plot_line(axes, evaluations, generation_best, style.SKY, "generation best")
    axes.step(
        evaluations,
        column(rows, "best"),
        where="post",
        color=style.BLUE,
        linewidth=2.2,
        label="best so far",
    )
    axes.set_title("Progress of the search")
    axes.set_xlabel("Evaluations")
    axes.set_ylabel(SCORES.get(scored_by, "Score"))
    axes.legend(loc="lower right", ncols=2)
    style.whole_numbers(axes)
    return figure


def known_costs(history: Sequence[Row]) -> list[str]:
    """Returns which of `COSTS` all successful evaluations recorded."""
    points = scored(history)
    return [
        cost
        for cost in COSTS
        if points and all((row.get("costs") or {}).get(cost) for row in points)
    ]


@style.png
def score_against_cost(
    history: Sequence[Row],
    winner: Sequence[int] | None,
    limits: Mapping[str, float] | None = None,
    scored_by: str = "",
) -> "Figure":
    """Draws the score of every evaluated arch against what it costs.

    Args:
      history: all evaluations; those that failed are left out.
      winner: the arch to mark, if it was evaluated.
      limits: by name of the cost, what the network may cost; None: anything.
      scored_by: the metric that the search improved; "" where it is not known.

    Returns:
      A figure of one panel a cost; darker points were evaluated later.
    """
    from matplotlib.ticker import EngFormatter

    figure = style.new_figure(10, 3.8)
    points = scored(history)
    costs = known_costs(history)
    panels = figure.subplots(1, len(costs), squeeze=False)[0]
    score = column(points, "score")
    marked = [row for row in points if winner and row["arch"] == list(winner)][-1:]
    for axes, cost in zip(panels, costs, strict=True):
        shown = axes.scatter(
            np.array([row["costs"][cost] for row in points], np.float64),
            score,
            c=column(points, "generation"),
            cmap=style.amount_colors(lightest=0.25),
            s=14,
            alpha=0.8,
            linewidths=0,
        )
        for row in marked:
            _mark_winner(axes, row["costs"][cost], row["score"])
        if limits and cost in limits:
            axes.axvline(limits[cost], color=style.GREY, linestyle="--", label="limit")
            axes.legend(loc="lower right")
        axes.set_title(f"Score against {COSTS[cost][0]}")
        axes.set_xlabel(COSTS[cost][1])
        axes.set_ylabel(SCORES.get(scored_by, "Score"))
        # Counts in thousands and millions; milliseconds are a unit already.
        if cost != "latency_ms":
            axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    figure.colorbar(shown, ax=list(panels), label="Generation", pad=0.01)
    return figure


def _mark_winner(axes: "Axes", cost: float, score: float) -> None:
    axes.scatter(
        cost,
        score,
        s=150,
        marker="*",
        color=style.VERMILLION,
        edgecolors="white",
        label="winner",
        zorder=3,
    )
    axes.legend(loc="lower right")
