"""One test body for every form of the linear recurrence and its gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from qnas_jax.kernels import recurrence
from qnas_jax.kernels.recurrence import FORMS


def loops(factors, offsets, gradient):
    """States by the definition, and both gradients backwards in time, in float64."""
    states = np.zeros_like(offsets)
    for time in range(offsets.shape[1]):
        before = states[:, time - 1] if time else 0.0
        states[:, time] = factors[:, time] * before + offsets[:, time]
    to_factors, to_offsets = np.zeros_like(offsets), np.zeros_like(offsets)
    later = 0.0
    for time in reversed(range(offsets.shape[1])):
        later = gradient[:, time] + later
        to_offsets[:, time] = later
        to_factors[:, time] = later * (states[:, time - 1] if time else 0.0)
        later = factors[:, time] * later
    return states, to_factors, to_offsets


@pytest.mark.parametrize("form", FORMS)
def test_values_and_gradients(form):
    rng = np.random.default_rng(0)
    shape = (2, 13, 3)
    factors = rng.uniform(-1, 1, shape)
    offsets, gradient = rng.standard_normal((2, *shape))
    run = functools.partial(recurrence, implementation=form)
    states, pull = jax.vjp(run, jnp.float32(factors), jnp.float32(offsets))
    found = states, *pull(jnp.float32(gradient))
    for got, want in zip(found, loops(factors, offsets, gradient), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    # With one factor for all times it is a filter.
    even = run(jnp.full(shape, 0.7), jnp.float32(offsets))
    want = signal.lfilter([1.0], [1.0, -0.7], offsets, axis=1)
    np.testing.assert_allclose(even, want, rtol=1e-5, atol=1e-5)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"recurrence: got factors \(1, 2, 3\) and of"):
        recurrence(jnp.zeros((1, 2, 3)), jnp.zeros((1, 2, 4)))
    with pytest.raises(ValueError, match="got 'fast', expected one of reference, tree"):
        recurrence(jnp.zeros((1, 2, 3)), jnp.zeros((1, 2, 3)), implementation="fast")
