"""Charts of the search: progress, score against cost, the front, the ranking."""

import dataclasses
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
from qnas_jax.reporting.front import knees, sort_front
from qnas_jax.reporting.front_figure import knee_label
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


def front_charts(
    front: Sequence[Row],
    shown: Sequence[Row],
    costs: Sequence[str],
    limits: Mapping[str, float],
    scored_by: str,
) -> list[Chart]:
    """The front of a search for several objectives.

    Args:
      front: of `sort_front`, of all costs; at least one row.
      shown: the evaluations that are points.
      costs: their names.
      limits: by name of the cost, what a network may cost.
      scored_by: the metric that the search improved.

    Returns:
      A panel a cost; its line is what none beats in score and this cost alone.
    """
    charts = [_front_chart(front, shown, cost, limits, scored_by) for cost in costs]
    if len(charts) == 1:
        return charts
    titles = [f"What more costs: {COSTS.get(cost, (cost,))[0]}" for cost in costs]
    return [
        dataclasses.replace(chart, title=title)
        for chart, title in zip(charts, titles, strict=True)
    ]


def _front_chart(
    front: Sequence[Row],
    shown: Sequence[Row],
    cost: str,
    limits: Mapping[str, float],
    scored_by: str,
) -> Chart:
    part = sort_front(front, cost)
    at_knees = [part[place] for place in sorted(knees(part, cost))]
    name, place_of = (
        f"costs.{cost}",
        {row["evaluation"]: n for n, row in enumerate(shown)},
    )

    def places(rows: Sequence[Row]) -> list[int]:
        numbers = (row["evaluation"] for row in rows)
        return [place_of[number] for number in numbers if number in place_of]

    bends = [row for row in at_knees if row["evaluation"] in place_of]
    known = [row for row in shown if cost in (row["costs"] or {})]
    knee = _points("knee", name, "score", places(bends), "vermillion", "diamond", 6)
    points = [
        _points("evaluated", name, "score", places(known), "soft"),
        _points("front", name, "score", places(front), "blue", "dot", 4),
        dataclasses.replace(knee, labels=[knee_label(row, cost) for row in bends]),
    ]
    x = np.array([row["costs"][cost] for row in part], np.float64)
    y = column(part, "score")
    limit = [Limit(limits[cost])] if cost in limits else []
    every = [*(row["costs"][cost] for row in front), *(each.x for each in limit)]
    words = COSTS.get(cost, (cost, cost))
    return Chart(
        "What more costs",
        _said_of_front(front, x, y),
        _cost_axis(words[1], np.array(every, np.float64)),
        Axis(SCORES.get(scored_by, "Score"), padded(column(front, "score"), 0.35)),
        [Line("front", "blue", x, y, step=True)],
        points,
        limit,
    )


def _said_of_front(front: Sequence[Row], x: np.ndarray, y: np.ndarray) -> str:
    ends = (
        f"from {y[0]:.4g} at {formats.short_count(x[0])} to {y[-1]:.4g} at "
        f"{formats.short_count(x[-1])}"
    )
    if len(x) == len(front):
        return f"{len(front)} architectures on the front, {ends}."
    return (
        f"{len(front)} architectures on the front, {len(x)} of them by this cost "
        f"alone, {ends}."
    )


def _cost_axis(label: str, values: np.ndarray) -> Axis:
    """An axis that holds all values, logarithmic where they are far apart."""
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > _FAR_APART * low:
        return Axis(label, (_round_below(low / 1.1), 1.5 * high), log=True)
    return Axis(label, padded(values))


def _round_below(value: float) -> float:
    """1, 2 or 5 times a power of ten: ticks begin at the end of a logarithmic axis."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(digit for digit in (1, 2, 5) if digit * power <= value))


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
