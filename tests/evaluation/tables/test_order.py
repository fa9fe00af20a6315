"""Whatever the values are, the device tells them apart and the report has them back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.evaluation.tables.order import Order

RNG = np.random.default_rng(0)
ONE = np.float64(1)
VALUES = {
    "accuracies": np.round(RNG.random(50), 4),
    "near 5e9": 5e9 + np.arange(27.0),
    "near 1e15": 1e15 + np.arange(9.0) / 8,
    "neighbours": np.nextafter(ONE, 2) ** np.arange(5) * ONE,
    "full precision": RNG.random(200_000),
    "one close pair": np.array([0.1, 0.5, 0.5 + 1e-12, 0.9]),
    "all sizes": np.array([-1e300, -1.0, 0.0, 1e-300, 1e-40, 1.0, 1.0 + 1e-15, 1e300]),
    "tiny": np.array([0.0, 1e-45, 2e-45, 1e-41]),
    "subnormal": np.array([0.0, 5e-324, 1e-323]),
    "negative": -5e9 - np.arange(27.0),
    "around zero": np.linspace(-1, 1, 1001) * 1e-6,
    "equal": np.full(3, 0.25),
    "single": np.array([7.0]),
    "none": np.array([np.nan]),
}


@pytest.mark.parametrize("name", VALUES)
def test_order_and_values_are_kept(name):
    values = RNG.permutation(np.append(VALUES[name], np.nan))
    order = Order.of(values)
    numbers = order.on_device(values)
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(order.recorded(numbers), values)
    known = np.isfinite(values)
    assert np.isfinite(numbers[known]).all()
    # As the device compares: it may take subnormal numbers for 0.
    ascending = jnp.asarray(numbers[known][np.argsort(values[known])])
    steps = np.asarray(jax.jit(lambda x: x[1:] > x[:-1])(ascending))
    np.testing.assert_array_equal(steps, np.diff(np.sort(values[known])) > 0)


def test_numbers_that_float32_tells_apart_are_kept():
    for name in ("accuracies", "around zero", "equal", "single"):
        values = VALUES[name]
        numbers = Order.of(values).on_device(values)
        np.testing.assert_array_equal(numbers, values.astype(np.float32))


def test_distances_are_kept():
    near = Order.of(VALUES["near 5e9"]).numbers
    np.testing.assert_array_equal(near, np.arange(27))
    pair = Order.of(VALUES["one close pair"]).numbers
    np.testing.assert_allclose(pair, VALUES["one close pair"], rtol=2e-7)
    large = Order.of(np.array([0, 1e300, 2e300])).numbers
    assert large[2] / large[1] == pytest.approx(2)


def test_rounding_of_means_makes_no_difference():
    values = np.array([0.6, (0.5 + 0.7) / 2, 0.1 + 0.2 + 0.3, 0.7])
    assert len(np.unique(values)) == 3
    order = Order.of(values, noise=2 * np.finfo(float).eps)
    np.testing.assert_array_equal(order.numbers, np.float32([0.6, 0.7]))
    assert len(set(order.on_device(values[:3]).tolist())) == 1
    np.testing.assert_allclose(order.recorded(order.on_device(values)), values)


def test_what_is_not_finite_is_passed_on():
    order = Order.of(np.array([1.0, 2.0]))
    got = order.recorded(np.float32([-np.inf, 2, np.nan, np.inf]))
    np.testing.assert_array_equal(got, [-np.inf, 2, np.nan, np.inf])
