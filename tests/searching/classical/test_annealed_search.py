"""The schedule, the Metropolis rule and the unit of temperature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching import generation_keys
from qnas_jax.searching.classical.simulated_annealing import (
    AnnealingOptions,
    acceptance,
    simulated_annealing,
    temperature,
)

NUM_OPS = (4, 1, 3, 5)
OPTIONS = AnnealingOptions(first_temperature=0.5, last_temperature=0.005)


def by_weights(archs):
    """Whole multiples of 1/8, so that scaling by powers of two loses nothing."""
    return jnp.asarray(archs @ np.array([3.0, 0, -2.0, 1.0]) / 8, jnp.float32)


def run(score, options=OPTIONS, generations=12, population=3, seed=0):
    """Archs proposed [G, P, L] and the states after each generation."""
    strategy = simulated_annealing(
        NUM_OPS, population=population, generations=generations, options=options
    )
    key = jax.random.key(seed)
    state, proposed, states = strategy.init(key), [], []
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    for generation in range(generations):
        archs = ask(generation_keys(key, generation)[0], state)
        state = tell(state, archs, score(archs))
        proposed.append(np.asarray(archs))
        states.append(state)
    return np.stack(proposed), states


def test_temperatures_fall_geometrically():
    found = [float(temperature(g, 3, first=0.5, ratio=0.01)) for g in range(5)]
    np.testing.assert_allclose(found, [0.5, 0.05, 0.005, 0.005, 0.005], rtol=1e-5)
    ours = [float(temperature(g, 20, first=0.5, ratio=0.01)) for g in range(20)]
    np.testing.assert_allclose(ours, np.geomspace(0.5, 0.005, 20), rtol=1e-5)
    assert float(temperature(0, 1, first=0.5, ratio=0.01)) == 0.5


def test_the_metropolis_probability():
    change = jnp.array([0.3, 0.0, -0.1, -0.2])
    found = acceptance(change, jnp.float32(0.1))
    np.testing.assert_allclose(found, [1, 1, np.exp(-1), np.exp(-2)], rtol=1e-5)
    np.testing.assert_array_equal(acceptance(change, jnp.float32(0.0)), [1, 1, 0, 0])


def test_chains_follow_a_plain_loop():
    """The rule once more in NumPy, with the same uniform numbers."""
    proposed, states = run(by_weights)
    archs, scores, sizes = proposed[0], np.asarray(by_weights(proposed[0])), []
    seed = jax.random.key(states[0].seed)
    for g in range(1, 12):
        assert np.all((proposed[g] != archs).sum(axis=1) == 1)
        new = np.asarray(by_weights(proposed[g]))
        sizes += list(np.abs(new - scores))
        warmth = np.mean(sizes) * 0.5 * (0.005 / 0.5) ** (g / 11)
        uniforms = jax.random.uniform(jax.random.fold_in(seed, g), (3,))
        accept = np.asarray(uniforms) < np.exp(np.minimum(new - scores, 0) / warmth)
        archs = np.where(accept[:, None], proposed[g], archs)
        scores = np.where(accept, new, scores)
        np.testing.assert_array_equal(states[g].archs, archs)
        np.testing.assert_array_equal(states[g].scores, scores)


def test_the_scale_of_scores_does_not_matter():
    proposed, _ = run(by_weights)
    scaled, _ = run(lambda archs: 1024 * by_weights(archs) - 512)
    np.testing.assert_array_equal(proposed, scaled)


@pytest.mark.parametrize(("warmth", "accepts"), [(1e6, True), (1e-6, False)])
def test_hot_chains_accept_all_and_cold_ones_nothing_worse(warmth, accepts):
    options = AnnealingOptions(first_temperature=warmth, last_temperature=warmth)
    proposed, states = run(by_weights, options)
    path = np.stack([state.scores for state in states])
    followed = np.stack([state.archs for state in states])
    assert np.array_equal(followed, proposed) == accepts
    assert np.all(np.diff(path, axis=0) >= 0) != accepts


def test_failures_are_not_accepted():
    proposed, states = run(lambda archs: jnp.where(archs[:, 0] == 0, 1.0, jnp.nan))
    for state in states:
        started = np.isfinite(state.scores)
        assert np.all(state.archs[started, 0] == 0)
    assert np.all(np.isfinite(states[-1].changes))
    assert np.any(proposed[..., 0] != 0)
