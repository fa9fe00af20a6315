"""How far from the optimum searches are, in percentage points, with intervals."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.comparison.spread import mean_interval

FLOOR = 0.005
"""Percentage points at the lower edge; what is nearer to the optimum lies on it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Regret:
    """Mean distance to the optimum of one strategy on one task.

    Attributes:
      budgets: [B], as far as all searches were run.
      mean: [B] percentage points, at least `FLOOR`.
      low: [B], lower ends of the 95 % bootstrap interval; None where none was taken.
      high: [B].
    """

    budgets: np.ndarray
    mean: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


Regrets = Mapping[str, Mapping[str, Regret]]
"""By task and strategy."""


def regrets(
    tasks: Mapping[str, Mapping[str, Curves]], shown: Sequence[str]
) -> dict[str, dict[str, Regret]]:
    """The distance of every strategy on every task.

    Args:
      tasks: curves by task and strategy.
      shown: strategies that get an interval.

    Returns:
      By task and strategy; those that were not run at all are left out.
    """
    found: dict[str, dict[str, Regret]] = {}
    for task, strategies in tasks.items():
        found[task] = {}
        for name, curves in strategies.items():
            regret = _regret(curves, with_interval=name in shown)
            if regret is not None:
                found[task][name] = regret
    return found


def _regret(curves: Curves, *, with_interval: bool) -> Regret | None:
    known = ~np.isnan(curves.test).any(axis=0)
    if not known.any():
        return None
    distance = 100 * (curves.optimum - curves.test[:, known])
    mean = np.maximum(distance.mean(axis=0), FLOOR)
    if not with_interval:
        return Regret(curves.budgets[known], mean)
    low, high = (np.maximum(end, FLOOR) for end in mean_interval(distance))
    return Regret(curves.budgets[known], mean, low, high)


def arrivals(curves: Curves) -> tuple[np.ndarray, np.ndarray]:
    """The share of the searches that have seen an arch of the top 1 %.

    Args:
      curves: all searches of one strategy on one task.

    Returns:
      Evaluations, ascending, and the share in [0, 1] that holds from there on; float64
      [A + 2] both, of A searches that arrived.
    """
    arrived = np.sort(curves.first_top)
    share = np.arange(1, len(arrived) + 1) / len(arrived)
    seen = np.isfinite(arrived)
    last = share[seen][-1:] if seen.any() else np.zeros(1)
    x = np.concatenate([[1], arrived[seen], [curves.evaluations]])
    return x, np.concatenate([[0], share[seen], last])
