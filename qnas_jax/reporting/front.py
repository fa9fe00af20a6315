"""A front for people: its figure with labelled knees, and the best under each budget.

A row of a front is an architecture with its score and its costs by name,

    {"arch": [...], "score": 0.91, "costs": {"latency_ms": 7.4}}

The score is maximised, costs are minimised. A knee is where little is to be won in one
direction for much in the other: the point of the front that is farthest above the line
between two of its points, with the range of score and cost as units. The first knee is
found between the ends, the next ones between an end and a knee, the farthest first.

Sources: knees: Das, Structural Optimization 18 (1999); the division of a curve at its
farthest point: Douglas & Peucker, Cartographica 10 (1973).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.reporting import formats, style
from qnas_jax.reporting.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_KNEES = 3
_LONGEST_NAME = 14  # characters of an op in the table, as in the registers' figure
_LEAST_HEIGHT = 0.02  # of a knee above its line, in units of the ranges


def sort_front(rows: Sequence[Row], cost: str) -> list[Row]:
    """Those rows that no other one beats, the cheapest first.

    Args:
      rows: of any evaluations; a row without the score or the cost is left out.
      cost: name of the cost.

    Returns:
      Rows of strictly growing cost and score; of equal ones the first.
    """
    known = [
        row
        for row in rows
        if row.get("score") is not None
        and np.isfinite(row["score"])
        and (row.get("costs") or {}).get(cost) is not None
    ]
    kept: list[Row] = []
    for row in sorted(known, key=lambda row: (row["costs"][cost], -row["score"])):
        if not kept or row["score"] > kept[-1]["score"]:
            kept.append(row)
    return kept


def knees(front: Sequence[Row], cost: str, most: int = MOST_KNEES) -> list[int]:
    """Where the front bends.

    Args:
      front: of `sort_front`.
      cost: name of the cost.
      most: how many knees at most.

    Returns:
      Places in the front, the most distinct knee first; none for fewer than three
      points, and none that are less than 2 % of the ranges above their line.
    """
    if len(front) < 3:
        return []
    points = np.array([[row["costs"][cost], row["score"]] for row in front], float)
    points = (points - points[0]) / (points[-1] - points[0])
    found: list[int] = []
    parts = [(0, len(front) - 1)]
    while parts and len(found) < most:
        heights = [_farthest(points, first, last) for first, last in parts]
        height, place = max(heights)
        if height < _LEAST_HEIGHT:
            break
        first, last = parts.pop(heights.index((height, place)))
        found.append(place)
        parts += [(first, place), (place, last)]
    return found


def _farthest(points: np.ndarray, first: int, last: int) -> tuple[float, int]:
    """Height above the line between two points, and the place, of the farthest one."""
    if last - first < 2:
        return -np.inf, first
    along, up = points[last] - points[first]
    inner = points[first + 1 : last] - points[first]
    heights = (along * inner[:, 1] - up * inner[:, 0]) / np.hypot(along, up)
    best = int(np.argmax(heights))
    return float(heights[best]), first + 1 + best


def best_under(front: Sequence[Row], cost: str, budgets: Sequence[float]) -> list[Row]:
    """The best architecture under each budget.

    Args:
      front: of `sort_front`.
      cost: name of the cost.
      budgets: the most that it may cost, each.

    Returns:
      A row a budget; one with arch and score None where nothing is as cheap.
    """
    costs = np.array([row["costs"][cost] for row in front])
    found: list[Row] = []
    for budget in budgets:
        place = int(np.searchsorted(costs, budget, side="right")) - 1
        nothing: Row = {"arch": None, "score": None, "costs": {}}
        found.append(dict(front[place]) if place >= 0 else nothing)
    return found


def round_budgets(front: Sequence[Row], cost: str, most: int = 6) -> list[float]:
    """Budgets of 1, 2 or 5 times a power of ten between the ends of a front.

    Args:
      front: of `sort_front`, at least one row.
      cost: name of the cost.
      most: how many at most; the largest ones are kept.

    Returns:
      Growing budgets, the last one above the dearest row.

    Raises:
      UserError: an empty front.
    """
    if not front:
        raise UserError("front: got no architecture, expected at least one")
    low, high = front[0]["costs"][cost], front[-1]["costs"][cost]
    if high <= 0:
        return [float(high)]
    lowest = max(low, high * 1e-6)
    powers = range(int(np.floor(np.log10(lowest))), int(np.ceil(np.log10(high))) + 1)
    steps = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    above = [step for step in steps if step >= high]
    inner = [step for step in steps if lowest <= step < high]
    return [*inner[-(most - 1) :], *above[:1]]


def budget_cells(
    front: Sequence[Row],
    cost: str,
    budgets: Sequence[float],
    op_names: Sequence[Sequence[str]] | np.ndarray | None = None,
) -> list[list[str]]:
    """The table "best under each budget", as text.

    Args:
      front: of `sort_front`.
      cost: name of the cost.
      budgets: the most that it may cost, each.
      op_names: of each layer, [L][K_l]; None: ops are told by their numbers.

    Returns:
      Budget, score, cost and ops of each row.
    """
    cells = []
    for budget, row in zip(budgets, best_under(front, cost, budgets), strict=True):
        arch = row["arch"]
        cells.append(
            [
                formats.short_count(budget),
                formats.score(row["score"]),
                formats.short_count(row["costs"].get(cost)),
                formats.MISSING if arch is None else _ops(arch, op_names),
            ]
        )
    return cells


def _ops(
    arch: Sequence[int], op_names: Sequence[Sequence[str]] | np.ndarray | None
) -> str:
    if op_names is None:
        return " ".join(map(str, arch))
    names = (str(own[op]) for own, op in zip(op_names, arch, strict=True))
    return " | ".join(formats.shortened(name, _LONGEST_NAME) for name in names)


@style.png
def front_figure(
    front: Sequence[Row],
    evaluated: Sequence[Row],
    cost: str,
    *,
    label: str | None = None,
    exact: Sequence[Row] = (),
    log: bool = False,
) -> "Figure":
    """Draws a front as a staircase, its knees labelled, before all evaluations.

    Args:
      front: of `sort_front`.
      evaluated: all evaluations, drawn as points; may be empty.
      cost: name of the cost.
      label: of its axis; None: its name.
      exact: the exact front, where it is known.
      log: whether the axis of costs is logarithmic.

    Returns:
      A figure of one panel.
    """
    figure = style.new_figure(10, 4.8)
    axes = figure.subplots()
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
    axes.step(*_columns(front, cost), where="post", color=style.BLUE)
    axes.scatter(
        *_columns(front, cost),
        s=22,
        color=style.BLUE,
        zorder=3,
        linewidths=0,
        label=f"front ({len(front):,})",
    )
    _label_knees(axes, front, cost)
    _frame_front(axes, front, cost, log=log)
    axes.set_title("What more costs: the front of the search")
    axes.set_xlabel(label or cost)
    axes.set_ylabel("Score")
    axes.legend(loc="lower right")
    return figure


def _columns(rows: Sequence[Row], cost: str) -> tuple[np.ndarray, np.ndarray]:
    """Costs and scores."""
    return (
        np.array([row["costs"][cost] for row in rows], float),
        np.array([row["score"] for row in rows], float),
    )


def _label_knees(axes: "Axes", front: Sequence[Row], cost: str) -> None:
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
        text = f"{formats.score(spot[1])} at {formats.short_count(spot[0])}"
        axes.annotate(
            text,
            spot,
            xytext=(10, -16),
            textcoords="offset points",
            fontsize=8.5,
            zorder=5,
        )


def _frame_front(axes: "Axes", front: Sequence[Row], cost: str, *, log: bool) -> None:
    """Leaves out what lies far below the front, which would flatten it."""
    costs, scores = _columns(front, cost)
    if not len(costs):
        return
    low = np.quantile(scores, 0.1) if len(scores) > 4 else scores.min()
    room = max(scores.max() - low, 1e-6)
    axes.set_ylim(low - 0.35 * room, scores.max() + 0.12 * room)
    if log and costs.min() > 0:
        axes.set_xscale("log")
        axes.set_xlim(costs[scores >= low - 0.35 * room].min() / 1.5, 1.5 * costs.max())
        style.log_ticks(axes.xaxis)
    else:
        axes.set_xlim(0, 1.12 * costs.max())
