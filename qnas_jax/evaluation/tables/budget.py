"""What a search had found when a budget was spent.

The unit of a budget is an evaluation, or a second of training time. An evaluation that
would end after the budget does not count, and the search ends there, as in the search
code published with NAS-Bench-201 (AutoDL-Projects, `exps/algos/R_EA.py`: the child is
dropped if `total_time_cost + time_cost > time_budget`; its later version for NATS-Bench
counts the evaluation that crosses the budget).

In that protocol every query costs, also of an arch that was evaluated before. A search
with a memo does not pay for repeats: `count_repeats=False`.

The incumbent is the best arch at the highest fidelity seen so far, since scores of
different fidelities do not compare; of equal scores the first one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.sealed_test import NO_ARCH
from qnas_jax.evaluation.tables.table import Table

UNITS = ("evaluations", "train_seconds")


class Evaluations(Protocol):
    """What S searches of G generations evaluated; `searching.many.everything` keeps it.

    Attributes:
      archs: int32 [S, G, P, L], in the order of evaluation.
      scores: float32 [S, G, P], maximised, not finite where an evaluation failed.
      fidelities: int32 [S, G, P], 0 the cheapest.
    """

    @property
    def archs(self) -> Any:
        """int32 [S, G, P, L]."""

    @property
    def scores(self) -> Any:
        """float32 [S, G, P]."""

    @property
    def fidelities(self) -> Any:
        """int32 [S, G, P]."""


class Incumbents(NamedTuple):
    """The state of S searches at B budgets."""

    archs: np.ndarray  # int32 [S, B, L], `NO_ARCH` where nothing was found
    scores: np.ndarray  # float32 [S, B], -inf where nothing was found
    fidelities: np.ndarray  # int32 [S, B], of the scores, -1 where nothing was found
    evaluations: np.ndarray  # int [S, B], evaluations within the budget
    spent: np.ndarray  # float64 [S, B], their cost
    exhausted: np.ndarray  # bool [S, B], whether the next evaluation would exceed it


def query_costs(
    evaluated: Evaluations,
    unit: str = "evaluations",
    *,
    table: Table | None = None,
    fidelities: Sequence[str] = (),
    count_repeats: bool = True,
) -> np.ndarray:
    """What each evaluation costs.

    Args:
      evaluated: what the searches evaluated.
      unit: one of `UNITS`; an evaluation counts as one at any fidelity.
      table: has the times, for `train_seconds`; an arch that it lacks takes none.
      fidelities: for `train_seconds` the names that `evaluated.fidelities` counts: of
        the one that was looked up, or all of the table for a strategy with fidelities.
      count_repeats: whether an arch costs again at a fidelity at which the same search
        evaluated it before.

    Returns:
      float64 [S, E], E = G * P evaluations in their order.

    Raises:
      UserError: an unknown unit, or training times that are not known.
    """
    archs, places = _in_order(evaluated.archs), _in_order(evaluated.fidelities)
    if unit == "evaluations":
        costs = np.ones(places.shape)
    elif unit == "train_seconds" and table is not None and fidelities:
        seconds = np.stack([table.seconds(name) for name in fidelities])
        costs = seconds[places, table.index(archs)].astype(np.float64)
        costs = np.where(np.isfinite(costs), costs, 0.0)
    else:
        raise UserError(
            f"unit: got {unit!r}, expected one of {', '.join(UNITS)}; train_seconds "
            "needs a table and the names of the fidelities"
        )
    if not count_repeats:
        costs = np.where(first_seen(archs, places), costs, 0.0)
    return costs


def full_evaluations(evaluated: Evaluations, table: Table) -> np.ndarray:
    """What each evaluation costs as a share of one at the highest fidelity.

    Args:
      evaluated: what the searches evaluated, fidelities counted as the table does.
      table: its fidelities are named by their epochs, unless there is one only.

    Returns:
      float64 [S, E], in (0, 1].

    Raises:
      UserError: a name that is no number of epochs.
    """
    if len(table.fidelities) == 1:
        return np.ones(_in_order(evaluated.fidelities).shape)
    try:
        epochs = np.array([float(name) for name in table.fidelities])
    except ValueError:
        raise UserError(
            f"table {table.name}: got fidelities {', '.join(table.fidelities)}, "
            "expected numbers of epochs"
        ) from None
    return (epochs / epochs[-1])[_in_order(evaluated.fidelities)]


def first_seen(archs: np.ndarray, fidelities: np.ndarray) -> np.ndarray:
    """Which evaluations are the first of their arch and fidelity in a search.

    Args:
      archs: int [S, E, L], in the order of evaluation.
      fidelities: int [S, E].

    Returns:
      bool [S, E].
    """
    searches = np.broadcast_to(np.arange(len(archs))[:, None], fidelities.shape)
    columns = (searches[..., None], fidelities[..., None], archs)
    rows = np.concatenate(columns, axis=-1).reshape(-1, archs.shape[-1] + 2)
    _, first = np.unique(rows, axis=0, return_index=True)
    fresh = np.zeros(len(rows), bool)
    fresh[first] = True
    return fresh.reshape(fidelities.shape)


def incumbents(
    evaluated: Evaluations, costs: np.ndarray, budgets: Sequence[float]
) -> Incumbents:
    """The best archs when the budgets were spent.

    Args:
      evaluated: what S searches evaluated.
      costs: [S, E], see `query_costs`.
      budgets: B numbers in the unit of the costs, positive.

    Returns:
      The incumbents at each budget.

    Raises:
      UserError: costs of another shape, or a budget that is not positive.
    """
    archs, scores = _in_order(evaluated.archs), _in_order(evaluated.scores)
    if costs.shape != scores.shape or not all(budget > 0 for budget in budgets):
        raise UserError(
            f"got costs {costs.shape} and budgets {list(budgets)}, expected "
            f"{scores.shape}, one cost an evaluation, and positive budgets"
        )
    fidelities = _in_order(evaluated.fidelities)
    best = _best_so_far(scores, fidelities)
    spent = np.cumsum(costs, axis=1, dtype=np.float64)
    counts = np.stack([(spent <= budget).sum(axis=1) for budget in budgets], axis=1)
    search = np.arange(len(scores))[:, None]
    last = np.maximum(counts - 1, 0)
    place = np.where(counts > 0, best[search, last], -1)
    found = place >= 0
    return Incumbents(
        archs=np.where(found[..., None], archs[search, place], NO_ARCH),
        scores=np.where(found, scores[search, place], -np.inf).astype(np.float32),
        fidelities=np.where(found, fidelities[search, place], -1),
        evaluations=counts,
        spent=np.where(counts > 0, spent[search, last], 0.0),
        exhausted=spent[:, -1:] >= np.asarray(budgets)[None, :],
    )


def _best_so_far(scores: np.ndarray, fidelities: np.ndarray) -> np.ndarray:
    """Place of the incumbent after each evaluation, int [S, E]; -1: none yet."""
    finite = np.isfinite(scores)
    highest = np.maximum.accumulate(np.where(finite, fidelities, -1), axis=1)
    best = np.full(scores.shape, -1)
    for fidelity in np.unique(fidelities):
        own = np.where(finite & (fidelities == fidelity), scores, -np.inf)
        before = np.maximum.accumulate(own, axis=1)[:, :-1]
        better = own > np.pad(before, ((0, 0), (1, 0)), constant_values=-np.inf)
        place = np.where(better, np.arange(scores.shape[1])[None, :], -1)
        leader = np.maximum.accumulate(place, axis=1)
        best = np.where(highest == fidelity, leader, best)
    return best


def _in_order(values: np.ndarray) -> np.ndarray:
    """[S, G, P, ...] as [S, G * P, ...]."""
    values = np.asarray(values)
    return values.reshape(len(values), -1, *values.shape[3:])
