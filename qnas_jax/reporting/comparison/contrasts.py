"""One strategy against all others on every task and budget, by ranks.

Mann-Whitney, two-sided; Holm's correction over all comparisons of the table.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.reporting.comparison.records import Curves
from qnas_jax.reporting.rank_tests import RankTest, rank_test
from qnas_jax.reporting.statistics import holm

Place = tuple[str, float]
"""A task and a budget."""


def at_budget(strategies: Mapping[str, Curves], budget: float) -> dict[str, np.ndarray]:
    """Test scores [S] of every strategy that was run up to a budget."""
    found = {name: curves.at(budget) for name, curves in strategies.items()}
    return {name: values for name, values in found.items() if values is not None}


def contrasts(
    tasks: Mapping[str, Mapping[str, Curves]],
    reference: str,
    budgets: Sequence[float],
    others: Sequence[str] | None = None,
) -> dict[Place, list[RankTest]]:
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
    tests: list[tuple[Place, RankTest]] = []
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
    found: dict[Place, list[RankTest]] = {}
    for (place, test), p_value in zip(tests, corrected, strict=True):
        one = RankTest(
            test.first, test.second, test.difference, test.superiority, p_value
        )
        found.setdefault(place, []).append(one)
    return found


def _test(first: str, second: str, a: np.ndarray, b: np.ndarray) -> RankTest:
    superiority, p_value = rank_test(a, b)
    return RankTest(first, second, float(a.mean() - b.mean()), superiority, p_value)


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
