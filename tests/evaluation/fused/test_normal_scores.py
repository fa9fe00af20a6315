"""Normal scores: by hand, against SciPy, and at and beyond the ends."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qnas_jax.evaluation.fused import NormalScores


def test_by_hand():
    """Ranks 1..4 of 4: quantiles of .625, 1.625, 2.625 and 3.625 in 4.25 parts."""
    map_ = NormalScores.of(np.array([30.0, 10.0, 40.0, 20.0]))
    np.testing.assert_allclose(map_.knots, [10, 20, 30, 40])
    expected = [-1.049131, -0.299307, 0.299307, 1.049131]
    np.testing.assert_allclose(map_.scores, expected, atol=1e-6)
    found = np.asarray(map_(np.array([10.0, 25.0, 34.0])))
    inside = 0.299307 + 0.4 * (1.049131 - 0.299307)
    np.testing.assert_allclose(found, [-1.049131, 0.0, inside], atol=1e-6)
    # The upper quarter begins at 30: a share of .618, as the next one is .853.
    found = np.asarray(map_(np.array([50.0, 0.0])))
    beyond = 1.049131 + (1.049131 - 0.299307)
    np.testing.assert_allclose(found, [beyond, -beyond], atol=1e-6)


def test_against_scipy_with_ties():
    rng = np.random.default_rng(0)
    sample = rng.integers(0, 40, 100).astype(np.float32)
    ranks = stats.rankdata(sample)  # mean ranks of ties
    expected = stats.norm.ppf((ranks - 0.375) / 100.25)
    found = np.asarray(NormalScores.of(sample)(sample))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_strictly_monotone_far_beyond_the_ends(seed):
    rng = np.random.default_rng(seed)
    sample = rng.standard_exponential(64) ** 2
    map_ = NormalScores.of(sample)
    grid = np.linspace(sample.min() - 30, sample.max() + 30, 999)
    values = np.unique(np.concatenate([sample, grid]).astype(np.float32))
    assert (np.diff(np.asarray(map_(values))) > 0).all()


def test_two_best_that_nearly_tie_make_no_cliff():
    """Beyond the end it goes on as the outer quarter does, not as the last piece."""
    sample = np.append(np.linspace(0, 1, 40), 1 + 1e-5)
    map_ = NormalScores.of(sample)
    best, beyond = np.asarray(map_(np.array([1 + 1e-5, 1.1])))
    quarter = best - float(map_(np.array([0.75]))[0])
    assert beyond - best == pytest.approx(quarter * 0.1 / 0.25, rel=0.1)
    assert map_.slopes[1] < 10 < (map_.scores[-1] - map_.scores[-2]) / 1e-5


def test_what_is_not_finite_comes_last():
    """It takes the lowest ranks of the sample, and -inf when it is asked about."""
    sample = np.array([np.nan, 1.0, -np.inf, 3.0, 2.0])
    map_ = NormalScores.of(sample)
    expected = stats.norm.ppf((np.array([3, 4, 5]) - 0.375) / 5.25)
    np.testing.assert_allclose(np.asarray(map_([1.0, 2.0, 3.0])), expected, atol=1e-6)
    lost = np.asarray(map_(jnp.array([-np.inf, np.nan, np.inf])))
    np.testing.assert_array_equal(lost, [-np.inf] * 3)


def test_what_does_not_vary_says_nothing():
    map_ = NormalScores.of(np.full(9, 7.0))
    np.testing.assert_array_equal(np.asarray(map_([7.0, 8.0, 6.0])), [0, 0, 0])
    assert np.asarray(map_([-np.inf]))[0] == -np.inf
    nothing = NormalScores.of(np.full(9, -np.inf))
    np.testing.assert_array_equal(np.asarray(nothing([-np.inf, 5.0])), [0, 0])
