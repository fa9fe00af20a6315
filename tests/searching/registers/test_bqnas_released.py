"""The released search stands still, and it does so step by step as released."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching import advance, start
from qnas_jax.searching.registers.bqnas_released import ANGLE


def released_rotation(pairs, archs, fitness, directions):
    """The released rotation written out with loops, in float64.

    Random directions come from outside so that both can use the same.
    """
    best = int(np.argmax(fitness))
    bits = archs[..., None] >> np.arange(pairs.shape[2]) & 1
    new = pairs.copy()
    for i, layer, j in np.ndindex(pairs.shape[:3]):
        zero, one = pairs[i, layer, j]
        case = (bits[i, layer, j], bits[best, layer, j])
        losing = fitness[i] < fitness[best]
        if case == (0, 0):
            continue
        if case == (0, 1) and not losing:
            turn = 0.0
        else:
            # "Up" raises the second number of a pair with equal signs.
            up = case == (1, 1) or (case == (1, 0) and losing)
            if one == 0 and zero == 0:
                turn = directions[i, layer, j] * ANGLE
            elif one == 0:
                turn = directions[i, layer, j] * ANGLE if up else 0.0
            elif zero == 0:
                turn = 0.0 if up else directions[i, layer, j] * ANGLE
            else:
                turn = ANGLE if (zero * one > 0) == up else -ANGLE
        new[i, layer, j, 0] = round(math.cos(turn) * zero - math.sin(turn) * one, 3)
        new[i, layer, j, 1] = round(math.sin(turn) * zero + math.cos(turn) * one, 3)
    return new


def released_measure(pairs):
    bits = np.where(pairs[..., 0] ** 2 >= 0.5, 0, 1)
    return sum(bits[..., j] * 2**j for j in range(pairs.shape[2]))


def directions_of(state):
    stream = jax.random.wrap_key_data(state.key_data)
    key = jax.random.fold_in(stream, state.generation)
    return np.asarray(jax.random.rademacher(key, state.pairs.shape[:3], jnp.float32))


@pytest.mark.parametrize("num_scores", [3, 1000])
def test_each_step_equals_the_released_one(num_scores):
    """With three different scores many individuals tie with the best."""
    strategy = made("bqnas_released", (16,) * 7, population=6)
    state = strategy.init(jax.random.key(3))
    # Exact poles occur by rounding only; here some are there from the start.
    state = state.replace(pairs=state.pairs.at[:2, 0].set(jnp.array([1.0, 0.0])))
    state = state.replace(pairs=state.pairs.at[2:4, 0].set(jnp.array([0.0, 1.0])))
    rng = np.random.default_rng(0)
    tell = jax.jit(strategy.tell)
    for _ in range(40):
        archs = np.asarray(strategy.ask(jax.random.key(0), state))
        np.testing.assert_array_equal(archs, released_measure(np.asarray(state.pairs)))
        scores = rng.integers(0, num_scores, 6)
        expected = released_rotation(
            np.asarray(state.pairs, np.float64), archs, scores, directions_of(state)
        )
        state = tell(state, jnp.asarray(archs), jnp.asarray(scores))
        # float32 may round a tie of the third decimal to the other side.
        np.testing.assert_allclose(state.pairs, expected, atol=1.01e-3)
        assert np.mean(np.abs(state.pairs - expected) > 1e-6) < 0.01


def test_it_evaluates_its_initial_archs_for_ever():
    strategy = made("bqnas_released", (16,) * 21)
    state = start(strategy, jax.random.key(0))
    weights = np.random.default_rng(1).random((21, 16))
    step = jax.jit(lambda state, archs, scores: advance(strategy, state, archs, scores))
    initial = np.asarray(strategy.ask(jax.random.key(1), state.strategy_state))
    before = np.asarray(state.strategy_state.pairs)
    for _ in range(200):
        archs = strategy.ask(jax.random.key(1), state.strategy_state)
        np.testing.assert_array_equal(archs, initial)
        scores = weights[np.arange(21), np.asarray(archs)].sum(axis=1)
        state = step(state, archs, jnp.asarray(scores, jnp.float32))
    assert np.abs(state.strategy_state.pairs - before).max() > 0.1


def test_initial_pairs_are_rounded_probabilities():
    state = made("bqnas_released", (4, 4), population=50).init(jax.random.key(0))
    np.testing.assert_allclose(state.pairs.sum(axis=-1), 1, atol=1.01e-3)
    np.testing.assert_allclose(np.round(state.pairs, 3), state.pairs, atol=1e-6)


def test_probabilities_are_shares_of_what_is_observed():
    strategy = made("bqnas_released", (4, 4), population=8)
    state = strategy.init(jax.random.key(0))
    archs = np.asarray(strategy.ask(jax.random.key(1), state))
    counts = [np.bincount(column, minlength=4) / 8 for column in archs.T]
    np.testing.assert_allclose(strategy.probabilities(state), counts)


@pytest.mark.parametrize("num_ops", [(3, 3), (4, 8), (1, 1), ()])
def test_other_spaces_are_rejected(num_ops):
    with pytest.raises(ValueError, match="expected one power of two"):
        made("bqnas_released", num_ops)
