"""A front for people: what is on it, where it bends, the best under each budget.

A row of a front is an architecture with its score and its costs by name,

    {"arch": [...], "score": 0.91, "costs": {"latency_ms": 7.4}}

The score is maximised, costs are minimised. A front of several costs is looked at one
cost after the other, as its part that nothing beats in score and this cost alone.

A knee is where little is to be won in one direction for much in the other: the point of
such a part that is farthest above the line between two of its points, with the range of
score and cost as units. The first knee is found between the ends, the next ones between
an end and a knee, the farthest first.

Sources: knees: Das, Structural Optimization 18 (1999); the division of a curve at its
farthest point: Douglas & Peucker, Cartographica 10 (1973).
"""

from collections.abc import Sequence

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.reporting import formats
from qnas_jax.reporting.rows import Row

MOST_KNEES = 3
_LONGEST_NAME = 14  # characters of an op in the table, as in the registers' figure
_LEAST_HEIGHT = 0.02  # of a knee above its line, in units of the ranges


def unbeaten(points: np.ndarray) -> list[int]:
    """Which points no other one beats, where small is good.

    Args:
      points: float [N, M].

    Returns:
      Places of those than which none is at least as small in everything and smaller in
      something, in the order of the first column, then of the next; of equal ones the
      first.
    """
    kept: list[int] = []
    left = np.lexsort(points.T[::-1])
    while len(left):
        # Whatever beats the first one would stand before it.
        first = left[0]
        kept.append(int(first))
        left = left[~(points[left] >= points[first][None]).all(axis=1)]
    return kept


def sort_front(rows: Sequence[Row], *costs: str) -> list[Row]:
    """Those rows that no other one beats, the cheapest first.

    Args:
      rows: of any evaluations; a row without the score or a cost is left out.
      *costs: names of the costs, at least one.

    Returns:
      Rows in the order of the first cost, of one cost alone with strictly growing
      score; of equal ones the first.
    """
    known = [
        row
        for row in rows
        if row.get("score") is not None
        and np.isfinite(row["score"])
        and all((row.get("costs") or {}).get(cost) is not None for cost in costs)
    ]
    points = [[*(row["costs"][cost] for cost in costs), -row["score"]] for row in known]
    shape = len(known), len(costs) + 1
    return [known[n] for n in unbeaten(np.array(points, float).reshape(shape))]


def knees(front: Sequence[Row], cost: str, most: int = MOST_KNEES) -> list[int]:
    """Where the front bends.

    Args:
      front: of `sort_front`, of this cost alone.
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
      front: of `sort_front`, of this cost alone.
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
      front: of `sort_front`, of this cost alone; at least one row.
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
    others: Sequence[str] = (),
) -> list[list[str]]:
    """The table "best under each budget", as text.

    Args:
      front: of `sort_front`, of this cost alone.
      cost: name of the cost.
      budgets: the most that it may cost, each.
      op_names: of each layer, [L][K_l]; None: ops are told by their numbers.
      others: further costs that are listed.

    Returns:
      Budget, score, cost, other costs and ops of each row.
    """
    cells = []
    for budget, row in zip(budgets, best_under(front, cost, budgets), strict=True):
        arch = row["arch"]
        cells.append(
            [
                formats.short_count(budget),
                formats.score(row["score"]),
                *(formats.short_count(row["costs"].get(n)) for n in (cost, *others)),
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
