"""The QEA against numbers by hand and against a plain NumPy one."""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.options import OptionError


def compiled(strategy):
    return SimpleNamespace(
        init=strategy.init,
        tell=jax.jit(strategy.tell),
        probabilities=jax.jit(strategy.probabilities),
    )


def make(num_ops, population=2, rule="always", angle=0.1, epsilon=0.0, period=1):
    turn = {"rule": rule, "angle": angle, "epsilon": epsilon}
    migration = {"local_migration_every": 0, "global_migration_every": period}
    return compiled(made("qbit", num_ops, population, **turn, **migration))


def test_first_generation_only_finds_a_guide():
    strategy = make((2, 3))
    before = strategy.init(jax.random.key(0))
    archs = jnp.array([[0, 2], [1, 1]])
    after = strategy.tell(before, archs, jnp.array([0.1, 0.2]))
    np.testing.assert_array_equal(after.angles, before.angles)
    np.testing.assert_array_equal(after.guides.archs, [[1, 1], [1, 1]])


def test_failed_generations_teach_nothing():
    strategy = make((2, 3))
    state = strategy.init(jax.random.key(0))
    for _ in range(3):
        archs = jnp.array([[0, 2], [1, 1]])
        state = strategy.tell(state, archs, jnp.array([jnp.nan, -jnp.inf]))
    np.testing.assert_array_equal(state.angles, np.float32(math.pi / 4))


@pytest.mark.parametrize("num_ops", [2, 3, 5, 9, 16])
def test_one_rotation_raises_the_guides_probability(num_ops):
    strategy = make((num_ops,) * num_ops, population=1)
    state = strategy.init(jax.random.key(0))
    guide = jnp.arange(num_ops)[None]
    state = strategy.tell(state, guide, jnp.ones(1))
    table = strategy.probabilities(strategy.tell(state, guide, jnp.ones(1)))
    assert jnp.all(jnp.diagonal(table) > 1 / num_ops + 1e-3)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-6)


def test_rotation_towards_op_two_of_three_by_hand():
    """Op 2 is '10': sin^2 t cos^2 s over the three valid products, t = 60, s = 30."""
    strategy = make((3,), population=1, angle=math.pi / 12)
    state = strategy.init(jax.random.key(0))
    for _ in range(2):
        state = strategy.tell(state, jnp.array([[2]]), jnp.ones(1))
    high, low = 0.75, 0.25
    weights = np.array([low * high, low * low, high * high])
    np.testing.assert_allclose(
        strategy.probabilities(state)[0], weights / weights.sum(), rtol=1e-5
    )


class SignedQiga:
    """QIGA-1 with signed amplitudes and loops, guides as in Han & Kim 2000."""

    turns = {(0, 1, 1): -0.05, (1, 0, 0): -0.01, (1, 0, 1): 0.025}
    turns |= {(1, 1, 0): 0.005, (1, 1, 1): 0.025}

    def __init__(self, population, length):
        self.amplitudes = np.full((population, length, 2), math.sqrt(0.5))
        self.best, self.best_score = None, -math.inf

    def tell(self, archs, scores):
        if self.best is not None:
            for i, j in np.ndindex(archs.shape):
                case = archs[i, j], self.best[j], int(scores[i] >= self.best_score)
                alpha, beta = self.amplitudes[i, j]
                turn = (
                    self.turns.get(case, 0) * math.pi * math.copysign(1, alpha * beta)
                )
                self.amplitudes[i, j] = (
                    alpha * math.cos(turn) - beta * math.sin(turn),
                    alpha * math.sin(turn) + beta * math.cos(turn),
                )
        if scores.max() > self.best_score:
            self.best, self.best_score = archs[scores.argmax()].copy(), scores.max()


def test_qiga1_equals_a_signed_numpy_one():
    strategy = compiled(made("qiga1", (2,) * 8, population=5))
    state = strategy.init(jax.random.key(0))
    reference = SignedQiga(5, 8)
    rng = np.random.default_rng(1)
    for _ in range(80):
        archs, scores = rng.integers(0, 2, (5, 8)), rng.integers(0, 50, 5)
        state = strategy.tell(state, jnp.asarray(archs), jnp.asarray(scores))
        reference.tell(archs, scores)
        np.testing.assert_array_equal(state.guides.archs[3], reference.best)
        np.testing.assert_allclose(
            jnp.sin(state.angles[0]) ** 2,
            reference.amplitudes[..., 1] ** 2,
            atol=1e-4,
        )


def test_worse_individuals_turn_to_their_own_best_without_migration():
    strategy = make((2,), rule="han_kim_2002", period=0)
    state = strategy.init(jax.random.key(0))
    state = strategy.tell(state, jnp.array([[0], [1]]), jnp.array([1.0, 2.0]))
    state = strategy.tell(state, jnp.array([[1], [0]]), jnp.array([0.0, 3.0]))
    np.testing.assert_allclose(
        state.angles[0, :, 0], [math.pi / 4 - 0.1, math.pi / 4], rtol=1e-6
    )
    np.testing.assert_array_equal(state.guides.archs, [[0], [0]])


def test_h_epsilon_gate_keeps_all_values_possible():
    strategy = make((2,), epsilon=0.02)
    state = strategy.init(jax.random.key(0))
    for _ in range(60):
        state = strategy.tell(state, jnp.array([[1], [1]]), jnp.ones(2))
    np.testing.assert_allclose(strategy.probabilities(state), [[0.02, 0.98]], atol=1e-5)


def test_bad_epsilon_is_named():
    with pytest.raises(OptionError, match="epsilon: got 0.5, allowed: float >= 0.0 an"):
        make((2,), epsilon=0.5)
