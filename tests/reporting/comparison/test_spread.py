"""Bootstrap intervals against the normal approximation and a plain loop."""

import numpy as np
import pytest

from qnas_jax.reporting.comparison.spread import mean_interval, spread


def test_interval_is_near_the_normal_one():
    values = np.random.default_rng(1).normal(5.0, 2.0, 200)
    found = spread(values)
    error = values.std(ddof=1) / np.sqrt(200)
    assert found.mean == pytest.approx(values.mean())
    assert found.deviation == pytest.approx(values.std(ddof=1))
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    assert found.count == 200


def test_interval_is_that_of_a_plain_loop():
    values = np.random.default_rng(2).exponential(size=30)
    rng = np.random.default_rng(3)
    means = [rng.choice(values, 30).mean() for _ in range(20_000)]
    low, high = np.quantile(means, [0.025, 0.975])
    found = spread(values)
    assert found.low == pytest.approx(low, abs=0.03)
    assert found.high == pytest.approx(high, abs=0.03)


def test_curves_get_an_interval_at_each_point():
    values = np.random.default_rng(4).normal(size=(50, 3))
    low, high = mean_interval(values)
    assert low.shape == high.shape == (3,)
    assert np.all(low < values.mean(axis=0)) and np.all(values.mean(axis=0) < high)


@pytest.mark.parametrize("values", [np.array([0.4]), np.full(5, 0.4)])
def test_no_spread(values):
    found = spread(values)
    assert (found.low, found.mean, found.high) == pytest.approx((0.4, 0.4, 0.4))
    assert found.deviation == pytest.approx(0)
