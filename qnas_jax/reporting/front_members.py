"""Which members of a front are looked at more closely: knees, and what is far from all.

Source of the latter: Gonzalez, Theoretical Computer Science 38 (1985), farthest-first
traversal: the next one is the member whose nearest chosen one is farthest away, so that
those that crowd are left out in all objectives at once.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from qnas_jax.reporting.front import knees, sort_front
from qnas_jax.reporting.rows import Row

MEMBER = "front_"
"""How the names of retrained members of a front begin."""


def knees_of_all(front: Sequence[Row], costs: Sequence[str]) -> dict[str, list[Row]]:
    """The knees of a front by cost, the most distinct one first.

    Args:
      front: of `sort_front`, of all costs.
      costs: their names.

    Returns:
      Rows of the front by name of the cost; a row may be a knee of several.
    """
    found = {}
    for cost in costs:
        part = sort_front(front, cost)
        found[cost] = [part[place] for place in knees(part, cost)]
    return found


def chosen_members(
    front: Sequence[Row], costs: Sequence[str], count: int, winner: Sequence[int]
) -> list[Row]:
    """Members of a front beside the winner that show what there is to choose from.

    Args:
      front: of `sort_front`, of all costs.
      costs: their names.
      count: how many; fewer where the front has not so many.
      winner: the architecture that is chosen already.

    Returns:
      The first knee of each cost, the second of each, and so on; then the members that
      are farthest from the winner and all before them, in units of the ranges of score
      and costs.
    """
    points = _in_ranges(front, costs)
    places = {tuple(row["arch"]): place for place, row in enumerate(front)}
    own = places.get(tuple(winner))
    in_turn = itertools.chain(
        *itertools.zip_longest(*knees_of_all(front, costs).values())
    )
    bends = [places[tuple(row["arch"])] for row in in_turn if row is not None]
    chosen = [place for place in dict.fromkeys(bends) if place != own][:count]
    taken = [*chosen, *([] if own is None else [own])]
    while len(chosen) < count and len(taken) < len(front):
        place = _farthest_from(points, taken)
        chosen.append(place)
        taken.append(place)
    return [front[place] for place in chosen]


def _in_ranges(front: Sequence[Row], costs: Sequence[str]) -> np.ndarray:
    """Scores and costs in [0, 1], float [N, M]."""
    rows = [[row["score"], *(row["costs"][cost] for cost in costs)] for row in front]
    points = np.array(rows, float).reshape(len(rows), len(costs) + 1)
    if not len(points):
        return points
    lowest = points.min(axis=0, keepdims=True)
    ranges = np.ptp(points, axis=0, keepdims=True)
    return (points - lowest) / np.where(ranges > 0, ranges, 1.0)


def _farthest_from(points: np.ndarray, taken: Sequence[int]) -> int:
    """The place whose nearest taken one is farthest away; of equal ones the first."""
    if not taken:
        return 0
    steps = points[:, None] - points[None, list(taken)]
    away = np.linalg.norm(steps, axis=-1).min(axis=1)
    away[list(taken)] = -1.0  # equal points may be left
    return int(np.argmax(away))
