"""Whether a search was worth it: by hand, and against SciPy's own tests."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from qnas_jax.errors import UserError
from qnas_jax.reporting import worth_of_truth, worth_of_winner, worth_over_runs
from qnas_jax.reporting.statistics import difference_interval, fisher_p_value
from qnas_jax.reporting.worth import NOT_TOLD_APART, WORSE, WORTH_IT


def test_one_pick_is_compared_as_any_two_networks():
    found = worth_of_winner(0.66, [0.63], 10_000)
    assert found.difference == pytest.approx(0.03)
    assert (found.low, found.high) == difference_interval(0.66, 0.63, 10_000)
    assert found.p_value == fisher_p_value(0.66, 0.63, 10_000)
    assert found.verdict == WORTH_IT
    assert found.sentence == (
        "Was the search worth it? Worth it: the retrained winner reaches "
        "66.00\u00a0% on test, a random pick of its cost 63.00\u00a0%: +3.00 points "
        "(95 % interval +1.67 to +4.32, p < 0.001, Fisher's exact test, not corrected "
        "for other comparisons, one training each)."
    )
    assert worth_of_winner(0.63, [0.66], 10_000).verdict == WORSE
    assert worth_of_winner(0.66, [0.65], 100).verdict == NOT_TOLD_APART


def test_several_picks_by_hand():
    # Mean .62, standard deviation .02; t(2) = 4.302653; .02 sqrt(4 / 3) = .0230940.
    found = worth_of_winner(0.74, [0.60, 0.62, 0.64], 500)
    assert found.difference == pytest.approx(0.12)
    assert found.high - 0.12 == pytest.approx(4.302653 * 0.0230940, rel=1e-5)
    assert found.verdict == WORTH_IT and found.picks == 3
    assert "3 random picks of its cost on average 62.00" in found.detail
    assert "t of one against them, not corrected for other" in found.detail
    near = worth_of_winner(0.66, [0.60, 0.62, 0.64], 500, aside="12 % off")
    assert near.verdict == NOT_TOLD_APART and "62.00\u00a0% (12 % off)" in near.detail


def test_several_picks_are_wrong_as_often_as_they_say():
    """Where the winner is a random pick itself, 5 % of the verdicts are false."""
    rng = np.random.default_rng(0)
    draws = rng.normal(0.6, 0.01, (2000, 5))
    verdicts = [worth_of_winner(row[0], row[1:], 100).verdict for row in draws.tolist()]
    assert verdicts.count(WORTH_IT) + verdicts.count(WORSE) == pytest.approx(
        100, abs=40
    )


def test_runs_are_paired():
    rng = np.random.default_rng(1)
    winners, picks = rng.normal(0.66, 0.01, 5), rng.normal(0.64, 0.01, 5)
    found = worth_over_runs(winners - picks)
    expected = stats.ttest_rel(winners, picks)
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert "over 5 runs" in found.sentence and "paired t over runs" in found.sentence


def test_one_run_has_no_interval():
    found = worth_over_runs([0.03])
    assert math.isnan(found.p_value) and found.verdict == NOT_TOLD_APART
    assert "over 1 run the" in found.sentence and "+3.00 points (no" in found.sentence
    assert json.loads(json.dumps(found.row(), allow_nan=False))["low"] is None


def test_equal_numbers_are_no_certainty():
    """Accuracies of a few hundred images are often equal by chance."""
    for found in (
        worth_over_runs([0.25, 0.25]),
        worth_of_winner(0.99, [0.98, 0.98, 0.98], 359),
        # Equal but for what rounding leaves of them.
        worth_of_winner(358 / 359, [357 / 359] * 5, 359),
        worth_over_runs([6 / 359 - 5 / 359, 13 / 359 - 12 / 359, 3 / 359 - 2 / 359]),
    ):
        assert math.isnan(found.p_value) and found.verdict == NOT_TOLD_APART
        assert found.sentence.endswith("points (no interval from equal ones).")


def test_the_truth_by_hand():
    others = np.arange(1, 100) / 100  # 0.01 ... 0.99
    found = worth_of_truth(0.98, others)
    # .98 and .99 are as good: 2 * (2 + 1) / 100; of 99, 97 are worse and 1 is equal.
    assert found.p_value == pytest.approx(0.06)
    assert found.verdict == NOT_TOLD_APART
    assert "better than 98.5 % of the 99 others of its cost" in found.detail
    assert found.difference == pytest.approx(0.98 - 0.5)
    low, high = np.quantile(others, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((0.98 - high, 0.98 - low))
    assert worth_of_truth(1.0, others).p_value == pytest.approx(0.02)
    assert worth_of_truth(1.0, others).verdict == WORTH_IT
    assert worth_of_truth(0.0, others, what="it").verdict == WORSE


def test_the_rank_among_all_is_uniform_under_chance():
    values = np.random.default_rng(2).normal(size=200)
    p_values = [
        worth_of_truth(values[i], np.delete(values, i)).p_value for i in range(200)
    ]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: worth_of_winner(0.5, [], 10),
        lambda: worth_of_truth(0.5, np.zeros(0)),
        lambda: worth_over_runs([]),
    ],
)
def test_nothing_to_compare_with_is_an_error(call):
    with pytest.raises(UserError, match="got none, expected"):
        call()
