"""Label smoothing by hand and in NumPy."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.training import smoothed_cross_entropy


def test_by_hand():
    logits = jnp.log(jnp.float32([[3.0, 1.0]]))  # probabilities 3/4 and 1/4
    labels = jnp.int32([0])
    plain = float(smoothed_cross_entropy(logits, labels, 0.0))
    assert plain == pytest.approx(-math.log(0.75))
    smoothed = float(smoothed_cross_entropy(logits, labels, 0.2))
    expected = -0.9 * math.log(0.75) - 0.1 * math.log(0.25)
    assert smoothed == pytest.approx(expected)
    assert expected == pytest.approx(0.397543, abs=1e-6)
    same = smoothed_cross_entropy(jnp.zeros((4, 5)), jnp.zeros(4, jnp.int32), 0.3)
    assert float(same) == pytest.approx(math.log(5))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_equals_numpy(smoothing):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(9, 4)) * 3, rng.integers(0, 4, 9)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    right = -log_probs[np.arange(9), labels]
    even = -log_probs.mean(axis=1)
    expected = ((1 - smoothing) * right + smoothing * even).mean()
    found = smoothed_cross_entropy(
        jnp.asarray(logits, jnp.float32), jnp.asarray(labels, jnp.int32), smoothing
    )
    assert float(found) == pytest.approx(expected, rel=1e-5)
