"""Two classifiers on the same examples: McNemar, and Newcombe's interval in pairs."""

import math

import numpy as np
import pytest
from scipy import stats

from qnas_jax.reporting import paired, statistics


def by_binomials(first: int, second: int) -> float:
    """Twice the smaller tail of fair coins, at most 1."""
    count, fewer = first + second, min(first, second)
    tail = sum(math.comb(count, k) for k in range(fewer + 1)) / 2**count
    return min(1.0, 2 * tail)


@pytest.mark.parametrize("first", [0, 1, 5, 9])
@pytest.mark.parametrize("second", [0, 1, 4, 9, 30])
def test_mcnemar_equals_the_sum_of_binomials(first, second):
    expected = by_binomials(first, second)
    assert paired.mcnemar_p_value((first, second)) == pytest.approx(expected)


def test_mcnemar_by_hand():
    # 2 (1 + 6) / 2^6, and 2 (1 + 10 + 45) / 2^10.
    assert paired.mcnemar_p_value((5, 1)) == pytest.approx(14 / 64)
    assert paired.mcnemar_p_value((2, 8)) == pytest.approx(112 / 1024)
    assert paired.mcnemar_p_value((0, 0)) == 1.0


def test_interval_by_hand():
    # Both right 36, one alone 12, the other alone 2, neither 0 of 50. Wilson: 48 of 50
    # 0.96 [0.8654, 0.9890], 38 of 50 0.76 [0.6259, 0.8570]; 36 * 0 - 12 * 2 < 0, so
    # phi = -24 / sqrt(48 * 2 * 38 * 12) = -0.11471.
    low, high = paired.paired_interval(0.96, 0.76, (12, 2), 50)
    below = math.sqrt(0.0946**2 + 2 * 0.11471 * 0.0946 * 0.0970 + 0.0970**2)
    above = math.sqrt(0.0290**2 + 2 * 0.11471 * 0.0290 * 0.1341 + 0.1341**2)
    assert low == pytest.approx(0.2 - below, abs=2e-4)
    assert high == pytest.approx(0.2 + above, abs=2e-4)
    assert (round(low, 3), round(high, 3)) == (0.057, 0.340)


def test_agreement_makes_the_interval_narrower():
    unpaired = statistics.difference_interval(0.9, 0.88, 1000)
    narrow = paired.paired_interval(0.9, 0.88, (30, 10), 1000)
    independent = paired.paired_interval(0.9, 0.88, (108, 88), 1000)
    assert unpaired[0] < narrow[0] < 0.02 < narrow[1] < unpaired[1]
    np.testing.assert_allclose(independent, unpaired, atol=1e-6)
    assert narrow[0] > 0 > unpaired[0]


def test_the_interval_covers_its_difference():
    """Exact coverage for 25 examples, over all outcomes of the two cells."""
    count, shares = 25, np.array([0.7, 0.12, 0.05, 0.13])
    covered = 0.0
    for first in range(count + 1):
        for second in range(count + 1 - first):
            for both in range(count + 1 - first - second):
                cells = (both, first, second, count - both - first - second)
                chance = stats.multinomial.pmf(cells, count, shares)
                if chance < 1e-7:
                    continue
                rates = ((both + first) / count, (both + second) / count)
                low, high = paired.paired_interval(*rates, (first, second), count)
                covered += chance * (low <= 0.07 <= high)
    assert 0.93 < covered < 0.99


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="alone_right: got"):
        paired.paired_interval(0.5, 0.5, (3, 2), 10)
    with pytest.raises(ValueError, match="alone_right: got"):
        paired.paired_interval(0.1, 0.0, (2, 1), 10)


def test_networks_are_compared_in_pairs_where_it_is_known():
    one, other = statistics.compare(0.9, {"a": 0.88, "b": 0.8}, 1000, {"a": (30, 10)})
    assert (one.test, other.test) == ("McNemar's exact test", "Fisher's exact test")
    assert one.p_value == pytest.approx(by_binomials(30, 10))  # the larger of two
    assert one.significant and (one.low, one.high) == paired.paired_interval(
        0.9, 0.88, (30, 10), 1000
    )
    alone = statistics.fisher_p_value(0.9, 0.8, 1000)
    assert other.p_value == pytest.approx(2 * alone)
