"""Charts of the search: progress, score against cost, the front, the ranking."""

from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.reporting import formats
from qnas_jax.reporting.charts import (
    Axis,
    Chart,
    Limit,
    Line,
    Points,
    padded,
    said_of_lines,
)
from qnas_jax.reporting.front import knees
from qnas_jax.reporting.ranking_table import score_name
from qnas_jax.reporting.rows import Row, column
from qnas_jax.reporting.search_curves import COSTS, SCORES

_FAR_APART = 30  # costs whose ratio is above it stand on a logarithmic axis


def progress_chart(
    rows: Sequence[Row], shown: Sequence[Row], scored_by: str
) -> list[Chart]:
    """Best so far, best and mean of each generation over the evaluations.

    Args:
      rows: the `search` rows, by generation.
      shown: the evaluations that are points.
      scored_by: the metric that the search improved; "" where it is not known.

    Returns:
      One panel.
    """
    x = column(rows, "evaluations")
    lines = [
        Line("generation mean", "orange", x, column(rows, "mean")),
        Line("generation best", "sky", x, column(rows, "generation_best"), dash=True),
        Line("best so far", "blue", x, column(rows, "best"), step=True),
    ]
    score = column(shown, "score")
    points = [_points("one evaluation", "evaluation", "score", range(len(shown)))]
    y = Axis(SCORES.get(scored_by, "Score"), score_range(score, lines))
    number = formats.count(x.max()) if len(x) else "0"
    says = f"over {number} evaluations {said_of_lines(lines)}"
    last = max([*x, *column(shown, "evaluation")], default=1.0)
    axis = Axis("Evaluations", (0.0, float(last)), whole=True)
    return [Chart("Progress of the search", says, axis, y, lines, points)]


def cost_charts(
    shown: Sequence[Row],
    costs: Sequence[str],
    winner: Sequence[int] | None,
    limits: Mapping[str, float],
    scored_by: str,
) -> list[Chart]:
    """Score against each cost.

    Args:
      shown: the evaluations that are points.
      costs: names of costs that all of them have.
      winner: the arch to mark, if it was evaluated.
      limits: by name of the cost, what a network may cost.
      scored_by: the metric that the search improved.

    Returns:
      A panel a cost.
    """
    marked = [
        place for place, row in enumerate(shown) if winner and row["arch"] == [*winner]
    ][-1:]
    score = column(shown, "score")
    late = column(shown, "generation") >= np.median(column(shown, "generation"))
    charts = []
    for cost in costs:
        name = f"costs.{cost}"
        values = np.array([row["costs"][cost] for row in shown], np.float64)
        points = [
            _points("first half", name, "score", np.flatnonzero(~late), "sky"),
            _points("second half of the search", name, "score", np.flatnonzero(late)),
        ]
        words, label = COSTS[cost]
        says = (
            f"{formats.count(len(shown))} architectures from "
            f"{formats.short_count(values.min())} to "
            f"{formats.short_count(values.max())} {words}, scores from "
            f"{score.min():.4g} to {score.max():.4g}"
        )
        if marked:
            star = _points("winner", name, "score", marked, "vermillion", "star", 8)
            points.append(star)
            place = values[marked[0]], score[marked[0]]
            says += (
                f"; the winner has {place[1]:.4g} at {formats.short_count(place[0])}"
            )
        line = [Limit(limits[cost])] if cost in limits else []
        x = Axis(label, padded([*values, *(limit.x for limit in line)]))
        y = Axis(SCORES.get(scored_by, "Score"), score_range(score))
        title = f"Score against {words}"
        charts.append(Chart(title, f"{says}.", x, y, (), points, line))
    return charts


def front_chart(
    front: Sequence[Row], shown: Sequence[Row], cost: str, scored_by: str
) -> list[Chart]:
    """The front of a search for several objectives.

    Args:
      front: of `sort_front`.
      shown: the evaluations that are points.
      cost: name of the cost.
      scored_by: the metric that the search improved.

    Returns:
      One panel.
    """
    places = {row["evaluation"]: place for place, row in enumerate(shown)}
    known = [place for place, row in enumerate(shown) if cost in (row["costs"] or {})]
    on = [places[row["evaluation"]] for row in front if row["evaluation"] in places]
    at_knees = [front[place] for place in sorted(knees(front, cost))]
    bends = [
        places[row["evaluation"]] for row in at_knees if row["evaluation"] in places
    ]
    x = np.array([row["costs"][cost] for row in front], np.float64)
    y = column(front, "score")
    name = f"costs.{cost}"
    points = [
        _points("evaluated", name, "score", known, "soft"),
        _points("front", name, "score", on, "blue", "dot", 4),
        _points("knee", name, "score", bends, "vermillion", "diamond", 6),
    ]
    log = bool(x.min() > 0 and x.max() > _FAR_APART * x.min())
    ends = (float(x.min() / 1.5), float(x.max() * 1.5)) if log else padded(x)
    label = COSTS[cost][1] if cost in COSTS else cost
    says = (
        f"{len(front)} architectures on the front, from {y[0]:.4g} at "
        f"{formats.short_count(x[0])} to {y[-1]:.4g} at {formats.short_count(x[-1])}."
    )
    lines = [Line("front", "blue", x, y, step=True)]
    vertical = Axis(SCORES.get(scored_by, "Score"), padded(y, 0.35))
    axis = Axis(label, ends, log=log)
    return [Chart("What more costs", says, axis, vertical, lines, points)]


def ranking_chart(ranking: Row) -> list[Chart]:
    """The true accuracy against the score that the search saw.

    Args:
      ranking: `true` in [0, 1], `scores`, and the rank correlations of both.

    Returns:
      One panel.
    """
    true = 100 * np.asarray(ranking["true"], np.float64)
    scores = np.asarray(ranking["scores"], np.float64)
    name = score_name(ranking.get("score", "accuracy"))
    says = (
        f"{formats.count(len(true))} architectures; Kendall's tau "
        f"{ranking['kendall_tau']:.3f}, Spearman's rho {ranking['spearman']:.3f}."
    )
    places = zip(scores, true, strict=True)
    texts = [f"score {score:.4g}, truly {right:.2f} %" for score, right in places]
    points = [Points("", "blue", scores, true, alpha=0.5, texts=texts)]
    x = Axis(f"Score with inherited weights ({name})", padded(scores))
    y = Axis("True accuracy (%)", padded(true))
    return [Chart("Score against true accuracy", says, x, y, (), points)]


def score_range(
    score: np.ndarray, lines: Sequence[Line] = ()
) -> tuple[float, float] | None:
    """The range of scores; a few very low ones may lie outside.

    Args:
      score: float [N], of the evaluations that are shown; what is not finite is left
        out.
      lines: that have to lie inside.

    Returns:
      Both ends; None where there is nothing.
    """
    values = [np.asarray(line.y, np.float64) for line in lines]
    joined = np.concatenate([score, *values])
    joined = joined[np.isfinite(joined)]
    if not len(joined):
        return None
    top, low = joined.max(), np.quantile(joined, 0.05)
    if top - joined.min() > 4 * (top - low):
        joined = joined[joined >= low]
    return padded(joined)


def _points(
    label: str,
    x: str,
    y: str,
    rows: Sequence[int] | np.ndarray,
    color: str = "blue",
    shape: str = "dot",
    size: float = 3,
) -> Points:
    """Points that are evaluations of the page."""
    marked = shape != "dot" or size > 3
    places = [int(row) for row in rows]
    return Points(label, color, x, y, places, shape, size, 1.0 if marked else 0.55)
