"""Mean ranks over tasks, and how far apart they must be to differ.

Blocks must be independent draws of what is spoken of. Searches of one task are not:
they repeat one landscape.

Sources: Friedman, JASA 32 (1937); Nemenyi's critical difference and its diagram:
Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006).
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.reporting.statistics import CONFIDENCE


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Mean ranks of k strategies over N blocks.

    Attributes:
      names: [k], the best first.
      ranks: [k] mean ranks in [1, k], 1 is best; ties share their ranks.
      p_value: Friedman's test that all are equal.
      difference: the critical difference; mean ranks closer than it do not differ at
        the 5 % level.
      blocks: N.
    """

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    p_value: float
    difference: float
    blocks: int

    def cliques(self) -> list[tuple[int, int]]:
        """Longest runs of neighbours (first, last) that do not differ."""
        runs: list[tuple[int, int]] = []
        for first, rank in enumerate(self.ranks):
            last = max(
                place
                for place, other in enumerate(self.ranks)
                if other - rank < self.difference
            )
            if last > first and (not runs or last > runs[-1][1]):
                runs.append((first, last))
        return runs


def critical_difference(num_strategies: int, blocks: int) -> float:
    """Nemenyi's critical difference of mean ranks at the 5 % level.

    q sqrt(k (k + 1) / (6 N)), q the quantile of the studentised range of k groups and
    infinitely many degrees of freedom, over sqrt(2) (Demsar 2006, section 3.2.2).

    Args:
      num_strategies: k >= 2.
      blocks: N >= 1.

    Returns:
      The difference.
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(CONFIDENCE, num_strategies, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(num_strategies * (num_strategies + 1) / (6 * blocks)))


def rank_strategies(results: Mapping[str, Sequence[float]]) -> Ranking:
    """Ranks strategies within each block and averages.

    Args:
      results: for each strategy its results [N], the n-th of every strategy from the
        same block; higher is better. At least two strategies.

    Returns:
      The ranking.

    Raises:
      UserError: fewer than two strategies, or of different numbers of blocks.
    """
    from scipy.stats import chi2, rankdata

    table = [np.asarray(values, np.float64) for values in results.values()]
    if len(table) < 2 or len({len(values) for values in table}) != 1:
        raise UserError(
            f"results: got {[len(values) for values in table]} results of "
            f"{len(table)} strategies, expected as many of each of at least two"
        )
    within = rankdata(-np.stack(table, axis=1), axis=1)  # [N, k]
    blocks, count = within.shape
    means = within.mean(axis=0)
    order = np.argsort(means, kind="stable")
    return Ranking(
        names=tuple(np.array(list(results))[order].tolist()),
        ranks=tuple(means[order].tolist()),
        p_value=float(chi2.sf(_friedman(within), count - 1)),
        difference=critical_difference(count, blocks),
        blocks=blocks,
    )


def _friedman(within: np.ndarray) -> float:
    """Friedman's statistic of ranks [N, k], corrected for ties.

    SciPy's own needs three strategies or more.
    """
    blocks, count = within.shape
    sums = within.sum(axis=0)
    expected = blocks * (count + 1) / 2
    variance = (within**2).sum() - blocks * count * (count + 1) ** 2 / 4
    if variance == 0:
        return 0.0
    return float((count - 1) * ((sums - expected) ** 2).sum() / variance)
