"""One strategy against all others on every task and budget, by ranks.

Mann-Whitney, two-sided; Holm's correction over all comparisons of the table. Beside it
stands how large a difference is: the probability of superiority, and the difference of
the means with Welch's interval (Biometrika 34, 1947). Rows of one task are repetitions
on one fixed landscape: they say nothing of other landscapes.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.rank_tests import RankTest, rank_test
from qnas_jax.reporting.statistics import CONFIDENCE, holm

Place = tuple[str, float]
"""A task and a budget."""


@dataclasses.dataclass(frozen=True)
class Contrast(RankTest):
    """A test, and the 95 % interval of the difference of the means.

    Attributes:
      low: lower end.
      high: upper end.
    """

    low: float
    high: float


def at_budget(strategies: Mapping[str, Curves], budget: float) -> dict[str, np.ndarray]:
    """Test scores [S] of every strategy that was run up to a budget."""
    found = {name: curves.at(budget) for name, curves in strategies.items()}
    return {name: values for name, values in found.items() if values is not None}


def contrasts(
    tasks: Mapping[str, Mapping[str, Curves]],
    reference: str,
    budgets: Sequence[float],
    others: Sequence[str] | None = None,
) -> dict[Place, list[Contrast]]:
    """Compares the reference with the others.

    Args:
      tasks: curves by task and strategy.
      reference: the strategy that comes first in each test.
      budgets: where to compare.
      others: whom with; None for all.

    Returns:
      The tests of each task and budget at which the reference was run; p-values are
      corrected for all of them together.
    """
    tests: list[tuple[Place, Contrast]] = []
    for task, strategies in tasks.items():
        for budget in budgets:
            samples = at_budget(strategies, budget)
            first = samples.pop(reference, None)
            if first is None:
                continue
            for name, second in samples.items():
                if others is None or name in others:
                    tests.append(
                        ((task, budget), _test(reference, name, first, second))
                    )
    corrected = holm([test.p_value for _, test in tests])
    found: dict[Place, list[Contrast]] = {}
    for (place, test), p_value in zip(tests, corrected, strict=True):
        one = dataclasses.replace(test, p_value=p_value)
        found.setdefault(place, []).append(one)
    return found


def _test(first: str, second: str, a: np.ndarray, b: np.ndarray) -> Contrast:
    superiority, p_value = rank_test(a, b)
    difference = float(a.mean() - b.mean())
    ends = difference_of_means(a, b)
    return Contrast(first, second, difference, superiority, p_value, *ends)


def difference_of_means(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Welch's 95 % interval of the difference of two means.

    Args:
      first: [n] results, n >= 2.
      second: [m], m >= 2.

    Returns:
      Both ends of mean(first) - mean(second).
    """
    from scipy.stats import t

    first, second = first.astype(np.float64), second.astype(np.float64)
    difference = float(first.mean() - second.mean())
    parts = [values.var(ddof=1) / len(values) for values in (first, second)]
    if sum(parts) == 0:
        return difference, difference
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1)
        for part, values in zip(parts, (first, second), strict=True)
    )
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(sum(parts)))
    return difference - half, difference + half


def unequal(strategies: Mapping[str, Curves], budget: float) -> float | None:
    """Whether the strategies differ at all on one task: Kruskal & Wallis (1952).

    Args:
      strategies: curves of one task; searches are independent, and not paired.
      budget: where to compare.

    Returns:
      The p-value; None if fewer than two were run so far.
    """
    from scipy.stats import kruskal

    samples = list(at_budget(strategies, budget).values())
    if len(samples) < 2:
        return None
    if np.ptp(np.concatenate(samples)) == 0:
        return 1.0
    return float(kruskal(*samples).pvalue)


def level_with_best(
    strategies: Mapping[str, Curves], budget: float
) -> tuple[str, list[str]] | None:
    """The strategy of the highest mean, and those that do not differ from it.

    Args:
      strategies: curves of one task.
      budget: where to compare.

    Returns:
      (best, others without a significant difference, Holm-corrected over the others);
      None if nothing was run so far.
    """
    samples = at_budget(strategies, budget)
    if not samples:
        return None
    best = max(samples, key=lambda name: float(samples[name].mean()))
    others = [name for name in samples if name != best]
    p_values = holm([rank_test(samples[best], samples[name])[1] for name in others])
    level = [
        name for name, p_value in zip(others, p_values, strict=True) if p_value >= 0.05
    ]
    return best, level
