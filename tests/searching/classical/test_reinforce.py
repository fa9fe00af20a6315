"""The policy gradient, the baseline and Adam, against formulas written out."""

import jax
import jax.numpy as jnp
import numpy as np
from made_strategies import made

from qnas_jax.searching.classical.reinforce import (
    ReinforceOptions,
    policy_gradient,
    reinforce,
)

NUM_OPS = (3, 1, 2)


def softmax(logits):
    table = np.where(np.arange(3) < np.array(NUM_OPS)[:, None], np.exp(logits), 0)
    return table / table.sum(axis=1, keepdims=True)


def gradient(logits, archs, advantages):
    """d(-log pi)/dz = p - one-hot, summed over layers and archs."""
    total = np.zeros((3, 3))
    for arch, advantage in zip(archs, advantages, strict=True):
        total += advantage * (softmax(logits) - np.eye(3)[arch])
    return total


def test_the_gradient_of_a_uniform_policy():
    archs, advantages = jnp.array([[0, 0, 1], [2, 0, 1]]), jnp.array([0.6, -0.3])
    found = policy_gradient(jnp.zeros((3, 3)), archs, advantages, NUM_OPS)
    # Layer 0: 0.6 (1/3 - [1,0,0]) - 0.3 (1/3 - [0,0,1]); layer 2: 0.3 (1/2 - [0,1]).
    expected = [[-0.5, 0.1, 0.4], [0, 0, 0], [0.15, -0.15, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    logits = np.random.default_rng(0).normal(size=(3, 3))
    found = policy_gradient(jnp.asarray(logits), archs, advantages, NUM_OPS)
    expected = gradient(logits, np.asarray(archs), np.asarray(advantages))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_steps_follow_adam_written_out():
    options = ReinforceOptions(learning_rate=0.1, baseline_momentum=0.8)
    strategy = reinforce(NUM_OPS, population=2, generations=1, options=options)
    state, rng = strategy.init(jax.random.key(0)), np.random.default_rng(1)
    logits, first, second = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    numerator = denominator = 0.0
    for step in range(1, 7):
        archs, scores = rng.integers(NUM_OPS, size=(2, 3)), rng.normal(size=2)
        numerator = 0.8 * numerator + 0.2 * scores.mean()
        denominator = 0.8 * denominator + 0.2
        slope = gradient(logits, archs, (scores - numerator / denominator) / 2)
        first, second = (
            0.9 * first + 0.1 * slope,
            0.999 * second + 0.001 * slope**2,
        )
        mean, variance = first / (1 - 0.9**step), second / (1 - 0.999**step)
        logits = logits - 0.1 * mean / (np.sqrt(variance) + 1e-8)
        state = strategy.tell(state, jnp.asarray(archs), jnp.asarray(scores))
        np.testing.assert_allclose(
            strategy.probabilities(state), softmax(logits), rtol=1e-3
        )


def test_one_arch_at_a_time_learns_nothing_from_the_first():
    """Its score is its own baseline."""
    strategy = made("reinforce", NUM_OPS, population=1)
    state = strategy.init(jax.random.key(0))
    state = strategy.tell(state, jnp.array([[1, 0, 1]]), jnp.array([0.7]))
    np.testing.assert_array_equal(state.logits, 0)
    state = strategy.tell(state, jnp.array([[2, 0, 0]]), jnp.array([0.9]))
    table = strategy.probabilities(state)
    assert table[0, 2] > 1 / 3 and table[2, 0] > 1 / 2 and table[1, 0] == 1


def test_failures_count_for_nothing():
    strategy = made("reinforce", NUM_OPS, population=3)
    state = strategy.init(jax.random.key(0))
    archs = jnp.array([[1, 0, 1], [2, 0, 0], [0, 0, 0]])
    state = strategy.tell(state, archs, jnp.array([0.2, jnp.nan, 0.6]))
    pair = made("reinforce", NUM_OPS, population=2)
    alone = pair.tell(
        pair.init(jax.random.key(0)), archs[jnp.array([0, 2])], jnp.array([0.2, 0.6])
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state, alone)
    after = strategy.tell(state, archs, jnp.full(3, jnp.nan))
    jax.tree.map(np.testing.assert_array_equal, after, state)
