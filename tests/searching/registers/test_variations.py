"""Every variation of the register strategies behaves as a strategy."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching import scan_search, start

VARIATIONS = {
    "falling": {"angle_rule": "falling"},
    "gap": {"angle_rule": "gap"},
    "distance": {"angle_rule": "distance"},
    "x": {"x_probability": 0.05},
    "catastrophe": {"catastrophe_after": 2},
    "catastrophe, best": {"catastrophe_after": 2, "catastrophe_keeps": "best"},
    "memory": {"observations": 8},
    "all": {
        "angle_rule": "gap",
        "x_probability": 0.05,
        "catastrophe_after": 3,
        "observations": 4,
    },
}
STRATEGIES = ("qbit", "qudit", "entangled")
NUM_OPS = (5, 2, 3, 1, 4)


def evaluate(key, archs, fails=False):
    scores = archs @ jnp.array([1.0, 0.31, 0.17, 0.07, 0.53])
    scores += 0.01 * jax.random.normal(key, scores.shape)
    return archs, jnp.where(fails, jnp.nan, scores)


@functools.cache
def searches(name, variation):
    """The search as a program of keys and of whether evaluations fail."""
    strategy = made(name, NUM_OPS, 6, 12, **VARIATIONS[variation])

    def search(key, fails):
        score = functools.partial(evaluate, fails=fails)
        state, trace = scan_search(strategy, score, key, 12)
        both = start(strategy, key).strategy_state, state.strategy_state
        both = jax.tree.map(lambda *leaves: jnp.stack(leaves), *both)
        # A loop, so that they are compiled once.
        return state, trace, *jax.lax.map(strategy.probabilities, both)

    return jax.jit(search)


@pytest.mark.parametrize("variation", VARIATIONS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_search_behaves(name, variation):
    search = searches(name, variation)
    state, trace, _, table = search(jax.random.key(0), False)
    again = search(jax.random.key(0), False)[1]
    other = search(jax.random.key(1), False)[1]
    np.testing.assert_array_equal(trace.mean, again.mean)
    assert not np.array_equal(trace.mean, other.mean)
    assert np.all(np.diff(trace.best) >= 0) and state.best_score > 5
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-4)
    own = np.arange(5)[None] < np.array(NUM_OPS)[:, None]
    assert np.all(table[~own] == 0) and np.all(np.isfinite(table))
    failed, _, before, after = search(jax.random.key(2), True)
    assert failed.best_score == -jnp.inf
    np.testing.assert_allclose(after, before, atol=1e-5)


@pytest.mark.parametrize("name", STRATEGIES)
def test_variations_change_the_search(name):
    plain = made(name, NUM_OPS, 6, 12)
    search = jax.jit(lambda key: scan_search(plain, evaluate, key, 12))
    _, expected = search(jax.random.key(0))
    for variation in VARIATIONS:
        _, found, *_ = searches(name, variation)(jax.random.key(0), False)
        assert not np.array_equal(found.mean, expected.mean), variation


@pytest.mark.parametrize("name", ["qbit", "qudit"])
def test_an_adaptive_turn_by_hand(name):
    """The guide's 1 has P = 1/2 from the start: s + (1 - s) / 2 of 0.2 radians."""
    adaptive = {"angle_rule": "distance", "least_angle": 0.5}
    strategy = made(name, (2,), 1, angle=0.2, epsilon=0.0, **adaptive)
    state = strategy.init(jax.random.key(0))
    state = strategy.tell(state, jnp.array([[1]]), jnp.ones(1))
    state = strategy.tell(state, jnp.array([[0]]), jnp.zeros(1))
    ones = math.sin(math.pi / 4 + 0.15) ** 2
    np.testing.assert_allclose(
        strategy.probabilities(state), [[1 - ones, ones]], rtol=1e-5
    )


def test_after_a_catastrophe_registers_are_uniform_and_guides_are_there():
    strategy = made("qudit", (4, 4), 2, catastrophe_after=2, rule="always")
    state = strategy.init(jax.random.key(0))
    archs, tables = jnp.array([[1, 2], [3, 0]]), []
    for score in (2.0, 3.0, 1.0, 1.0):
        state = strategy.tell(state, archs, jnp.array([score, 0.0]))
        tables.append(np.asarray(strategy.probabilities(state)))
    assert np.ptp(tables[2]) > 0.01
    np.testing.assert_allclose(tables[3], 0.25, rtol=1e-6)
    np.testing.assert_array_equal(state.registers.guides.archs[0], [1, 2])
    assert state.registers.guides.scores[0] == 3.0


def test_gates_of_one_search_differ_from_generation_to_generation():
    strategy = made("qudit", (5,) * 20, 2, x_probability=0.5)
    state = strategy.init(jax.random.key(0))
    sharp = jnp.zeros((2, 20, 5)).at[:, :, 0].set(1.0)
    seen = []
    for _ in range(2):
        start_ = state.replace(registers=state.registers.replace(amplitudes=sharp))
        state = strategy.tell(start_, jnp.zeros((2, 20), jnp.int32), jnp.ones(2))
        seen.append(np.asarray(state.registers.amplitudes))
    assert not np.allclose(seen[0], seen[1])
