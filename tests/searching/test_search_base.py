"""The protocol and the loop, on strategies small enough to follow by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching import (
    advance,
    generation_keys,
    sanitise,
    scan_search,
    start,
)
from qnas_jax.searching.classical.random_search import RandomSearch


def make(name, **options):
    return made(name, (3, 3), population=2, **options)


def test_sanitise_lets_only_finite_scores_compete():
    scores = sanitise(jnp.array([0.5, jnp.nan, -jnp.inf, jnp.inf]))
    np.testing.assert_array_equal(scores, [0.5, -np.inf, -np.inf, -np.inf])
    assert scores.dtype == jnp.float32


def test_advance_keeps_the_first_best():
    strategy = make("random")
    state = start(strategy, jax.random.key(0))
    assert state.best_score == -jnp.inf
    rounds = [
        ([[0, 1], [1, 2]], [0.2, 0.7], [1, 2], 0.7),
        ([[2, 2], [0, 0]], [0.7, 0.1], [1, 2], 0.7),
        ([[2, 1], [0, 0]], [jnp.nan, jnp.inf], [1, 2], 0.7),
        ([[2, 1], [0, 0]], [0.8, 0.9], [0, 0], 0.9),
    ]
    for done, (archs, scores, best_arch, best_score) in enumerate(rounds, start=1):
        state = advance(strategy, state, jnp.array(archs), jnp.array(scores))
        np.testing.assert_array_equal(state.best_arch, best_arch)
        assert state.best_score == jnp.float32(best_score)
        assert state.generation == done


def test_tell_hands_sanitised_scores_to_the_strategy():

    class Echo(RandomSearch):
        def learn(self, state, archs, scores):
            return scores

    archs = jnp.zeros((2, 1), jnp.int32)
    told = Echo((2,), 2).tell((), archs, jnp.array([jnp.nan, 1.0]))
    np.testing.assert_array_equal(told, [-np.inf, 1.0])


def test_tell_rejects_wrong_shapes():
    strategy = make("memory_registers")
    state = strategy.init(jax.random.key(0))
    with pytest.raises(AssertionError):
        strategy.tell(state, jnp.zeros((2, 3), jnp.int32), jnp.zeros(2))
    with pytest.raises(AssertionError):
        strategy.tell(state, jnp.zeros((2, 2), jnp.int32), jnp.zeros(3))


def test_generation_keys_are_all_different():
    root = jax.random.key(0)
    keys = [root, jax.random.fold_in(root, 0)]
    for generation in range(50):
        keys.extend(generation_keys(root, generation))
    words = {tuple(jax.random.key_data(key).tolist()) for key in keys}
    assert len(words) == len(keys)


def test_trace_reports_each_generation():
    strategy = make("random")
    scores = jnp.array([[0.1, 0.3], [jnp.nan, 0.2], [0.4, 0.4], [jnp.nan, -jnp.inf]])
    keys = [generation_keys(jax.random.key(5), g)[1] for g in range(4)]
    words = jnp.stack([jax.random.key_data(key) for key in keys])

    def evaluate(key, archs):
        generation = jnp.argmax(jnp.all(words == jax.random.key_data(key)[None], 1))
        return archs, scores[generation]

    state, trace = scan_search(strategy, evaluate, jax.random.key(5), 4)
    np.testing.assert_allclose(trace.best, [0.3, 0.3, 0.4, 0.4], rtol=1e-6)
    np.testing.assert_allclose(
        trace.generation_best, [0.3, 0.2, 0.4, -np.inf], rtol=1e-6
    )
    np.testing.assert_allclose(trace.mean, [0.2, 0.2, 0.4, np.nan], rtol=1e-6)
    assert state.generation == 4


def test_search_learns_from_the_archs_that_were_scored():
    strategy = make("qbit", rule="always")

    def evaluate(key, archs):
        del key
        return jnp.full_like(archs, 2), jnp.ones(len(archs))

    state, _ = scan_search(strategy, evaluate, jax.random.key(0), 60)
    np.testing.assert_array_equal(state.best_arch, [2, 2])
    assert jnp.all(strategy.probabilities(state.strategy_state)[:, 2] > 0.9)


def test_a_higher_fidelity_wins_whatever_its_score():
    """Odd generations are evaluated at fidelity 1, where scores are lower by ten."""

    class Alternating(RandomSearch):
        def init(self, key):
            return jnp.int32(0)

        def learn(self, state, archs, scores):
            return state + 1

        def fidelities(self, state):
            return jnp.full(3, state % 2, jnp.int32)

    strategy = Alternating((4, 4), 3)

    def evaluate(key, archs, fidelities):
        del key
        return archs, archs.sum(axis=1) - 10.0 * fidelities

    first, _ = scan_search(strategy, evaluate, jax.random.key(0), 1)
    assert first.best_fidelity == 0 and first.best_score >= 0
    last, trace = scan_search(strategy, evaluate, jax.random.key(0), 3)
    assert last.best_fidelity == 1
    assert last.best_score == last.best_arch.sum() - 10
    assert trace.best[1] == trace.best[2]
