"""Mean ranks and critical differences against SciPy, published tables and by hand."""

import math

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, wilcoxon

from qnas_jax.reporting.comparison.rank_diagram import rank_diagram
from qnas_jax.reporting.comparison.ranks import (
    Ranking,
    critical_difference,
    rank_strategies,
)
from qnas_jax.reporting.rank_tests import signed_rank_test


@pytest.mark.parametrize(
    ("count", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (8, 3.031), (10, 3.164)]
)
def test_critical_difference_has_the_published_quantiles(count, q):
    """Demsar 2006, table 5a."""
    found = critical_difference(count, 14)
    assert found == pytest.approx(q * math.sqrt(count * (count + 1) / 84), rel=5e-4)


def test_example_of_demsar():
    """Demsar 2006, section 3.2.2: four strategies, 14 data sets: 1.25 at 5 %."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_ranks_by_hand():
    ranking = rank_strategies({"a": [1, 1, 1], "b": [3, 2, 1], "c": [2, 3, 5]})
    # Within the blocks: (3, 1, 2), (3, 2, 1) and (2.5, 2.5, 1).
    assert ranking.names == ("c", "b", "a")
    np.testing.assert_allclose(ranking.ranks, [4 / 3, 5.5 / 3, 8.5 / 3])
    assert ranking.blocks == 3


def test_friedman_agrees_with_scipy():
    rng = np.random.default_rng(0)
    # Rounded, so that there are ties.
    samples = np.round(rng.normal(size=(5, 40)) + 0.3 * np.arange(5)[:, None], 1)
    ranking = rank_strategies(dict(zip("abcde", samples.tolist(), strict=True)))
    assert ranking.p_value == pytest.approx(friedmanchisquare(*samples).pvalue)
    assert ranking.names[0] == "e" and ranking.names[-1] == "a"


def test_equal_strategies_do_not_differ():
    ranking = rank_strategies({"a": [1.0, 2.0], "b": [1.0, 2.0]})
    assert ranking.p_value == 1 and ranking.ranks == (1.5, 1.5)
    assert ranking.cliques() == [(0, 1)]


def test_cliques_are_the_longest_runs():
    ranking = Ranking(tuple("abcd"), (1.0, 1.8, 2.4, 3.9), 0.01, 1.0, 9)
    assert ranking.cliques() == [(0, 1), (1, 2)]


@pytest.mark.parametrize("results", [{"a": [1.0]}, {"a": [1.0], "b": [1.0, 2.0]}])
def test_what_cannot_be_ranked_is_refused(results):
    with pytest.raises(ValueError, match="results: got"):
        rank_strategies(results)


def test_diagram_is_a_picture():
    ranking = Ranking(tuple("abcde"), (1.2, 1.8, 2.9, 4.0, 4.9), 0.01, 1.0, 9)
    assert rank_diagram(ranking, "b").startswith(b"\x89PNG")


def test_signed_ranks_by_hand_and_against_scipy():
    # All of 2^5 signs: only this one and its opposite are as far out.
    assert signed_rank_test(np.array([1.0, 2, 3, 4, 5])) == 2 / 32
    # Ranks 1, 2, 3, the 2 negative: sums 4 and 2; 6 of 8 signs are as uneven.
    assert signed_rank_test(np.array([1.0, -2, 3])) == 6 / 8
    assert signed_rank_test(np.zeros(4)) == 1.0
    # Two equal pairs halve their ranks: neither side gets anything of them.
    assert signed_rank_test(np.array([0.0, 0, 5])) == 1.0
    many = np.round(np.random.default_rng(3).normal(0.4, 1, 25), 1)
    exact = wilcoxon(many, zero_method="zsplit", method="approx").pvalue
    assert signed_rank_test(many) == pytest.approx(exact)
    assert signed_rank_test(-many) == pytest.approx(exact)
