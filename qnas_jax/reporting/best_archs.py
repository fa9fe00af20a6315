"""The best architectures of a search, and which evaluations a page shows."""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from qnas_jax.reporting.rows import Row, column, scored

MOST_LISTED = 10
MOST_SHOWN = 2000
"""Evaluations that a page holds as points; of more, a part."""


@dataclasses.dataclass(frozen=True)
class BestArch:
    """One of the best.

    Attributes:
      name: of its place in the page.
      row: its evaluation.
      is_winner: whether it is the one that was found.
    """

    name: str
    row: Row
    is_winner: bool


def best_archs(
    history: Sequence[Row], winner: Sequence[int] | None, most: int = MOST_LISTED
) -> list[BestArch]:
    """The best distinct architectures.

    Args:
      history: all evaluations; of one architecture the last counts.
      winner: that was found, if any.
      most: how many at most.

    Returns:
      The best first; of equal scores the one that was evaluated first.
    """
    distinct = {tuple(row["arch"]): row for row in scored(history)}
    ranked = sorted(distinct.values(), key=lambda r: (-r["score"], r["evaluation"]))
    found = None if winner is None else list(winner)
    return [
        BestArch(f"arch-{place}", row, row["arch"] == found)
        for place, row in enumerate(ranked[:most], start=1)
    ]


def shown_evaluations(
    history: Sequence[Row], most: int = MOST_SHOWN, also: Collection[int] = ()
) -> list[Row]:
    """The evaluations that a page shows as points, in order.

    Args:
      history: all evaluations.
      most: how many at most.
      also: numbers of those that are shown in any case.

    Returns:
      All that succeeded; of more than `most` half of the places goes to the best, the
      others lie evenly over the search.
    """
    rows = scored(history)
    if len(rows) <= most:
        return rows
    wanted = np.isin(column(rows, "evaluation"), list(also))
    order = np.lexsort((-column(rows, "score"), ~wanted))
    best = order[: max(most // 2, min(int(wanted.sum()), most - 1))]
    rest = np.setdiff1d(np.arange(len(rows)), best)
    evenly = rest[np.linspace(0, len(rest) - 1, most - len(best)).astype(int)]
    return [rows[place] for place in np.sort(np.concatenate([best, evenly]))]
