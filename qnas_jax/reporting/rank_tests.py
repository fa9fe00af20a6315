"""Which of several sets of search results is better, by ranks.

Mann & Whitney, Ann. Math. Statist. 18 (1947), two-sided, with Holm's correction over
all comparisons of a table. The probability of superiority P(a > b) + P(a = b) / 2 says
how large a difference is; 1/2 is none. Of results in pairs Wilcoxon's signed ranks.
"""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np

from qnas_jax.reporting.statistics import CONFIDENCE, holm

_ALL_SIGNS = 13  # pairs whose 2^n signs are no work


@dataclasses.dataclass(frozen=True)
class RankTest:
    """One set of results against another.

    Attributes:
      first: name of a set.
      second: name of another one.
      difference: mean of the first minus mean of the second.
      superiority: in [0, 1], that one of the first is better than one of the second.
      p_value: two-sided; not corrected by `rank_test`, corrected by `rank_tests`.
    """

    first: str
    second: str
    difference: float
    superiority: float
    p_value: float

    @property
    def verdict(self) -> str:
        """What may be said of the first at the 5 % level."""
        if self.p_value >= 1 - CONFIDENCE:
            return "no significant difference"
        better = "better" if self.superiority > 0.5 else "worse"
        return f"significantly {better}"


def rank_test(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Compares two samples.

    Args:
      first: [n] results, higher is better.
      second: [m].

    Returns:
      Probability of superiority of the first, and the two-sided p-value.
    """
    from scipy.stats import mannwhitneyu

    # In float32 a small p-value would be rounded to 0.
    first, second = first.astype(np.float64), second.astype(np.float64)
    if np.ptp(np.concatenate([first, second])) == 0:
        return 0.5, 1.0
    result = mannwhitneyu(first, second, alternative="two-sided")
    return float(result.statistic) / (len(first) * len(second)), float(result.pvalue)


def signed_rank_test(differences: np.ndarray) -> float:
    """Tests whether paired results differ: Wilcoxon, Biometrics Bulletin 1 (1945).

    Equal ones count half for either side. Up to 13 pairs all signs are gone through,
    beyond them ranks are taken as normal.

    Args:
      differences: [n], one of each pair.

    Returns:
      The two-sided p-value; 1 where nothing differs, or of a single pair.
    """
    from scipy.stats import PermutationMethod, wilcoxon

    values = np.asarray(differences, np.float64)
    if len(values) == 1 or not values.any():
        return 1.0
    few = len(values) <= _ALL_SIGNS
    method = PermutationMethod(n_resamples=2**_ALL_SIGNS) if few else "approx"
    return float(wilcoxon(values, zero_method="zsplit", method=method).pvalue)


def rank_tests(
    tables: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, list[RankTest]]:
    """Compares all sets of each table with each other; one correction for all of them.

    Args:
      tables: for each problem, results [n] by the name of what produced them.

    Returns:
      For each problem a test for each pair, the later name first.
    """
    pairs = [
        (problem, first, second)
        for problem, samples in tables.items()
        for second, first in itertools.combinations(samples, 2)
    ]
    found = [
        rank_test(tables[p][first], tables[p][second]) for p, first, second in pairs
    ]
    corrected = holm([p_value for _, p_value in found])
    tests: dict[str, list[RankTest]] = {problem: [] for problem in tables}
    for (problem, first, second), (superiority, _), p_value in zip(
        pairs, found, corrected, strict=True
    ):
        samples = tables[problem]
        difference = float(samples[first].mean() - samples[second].mean())
        tests[problem].append(RankTest(first, second, difference, superiority, p_value))
    return tests
