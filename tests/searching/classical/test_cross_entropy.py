"""Steps towards elites, mutation of the distribution, failures."""

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.searching.classical.cross_entropy import (
    CrossEntropyOptions,
    cross_entropy,
)
from qnas_jax.searching.classical.distribution import elite_frequencies
from qnas_jax.searching.classical.pbil import PbilOptions, mutate_table, pbil

NUM_OPS = (3, 1, 2)
UNIFORM = np.array([[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0.5, 0.5, 0]])


def test_a_step_of_the_cross_entropy_method():
    options = CrossEntropyOptions(elite_share=0.4, smoothing=0.5, uniform_share=0.0)
    strategy = cross_entropy(NUM_OPS, population=5, generations=1, options=options)
    archs = jnp.array([[0, 0, 0], [2, 0, 1], [1, 0, 1], [2, 0, 0], [0, 0, 1]])
    state = strategy.init(jax.random.key(0))
    state = strategy.tell(state, archs, jnp.array([0.1, 0.9, 0.2, 0.8, jnp.nan]))
    # Two elites, archs 1 and 3; halfway from uniform.
    expected = [[1 / 6, 1 / 6, 2 / 3], [1, 0, 0], [0.5, 0.5, 0]]
    np.testing.assert_allclose(state.table, expected, rtol=1e-6)


def test_runs_follow_a_plain_loop():
    options = CrossEntropyOptions(elite_share=0.3, smoothing=0.7, uniform_share=0.1)
    strategy = cross_entropy(NUM_OPS, population=8, generations=1, options=options)
    state, rng = strategy.init(jax.random.key(0)), np.random.default_rng(0)
    table = UNIFORM
    for _ in range(5):
        archs, scores = rng.integers(NUM_OPS, size=(8, 3)), rng.normal(size=8)
        state = strategy.tell(state, jnp.asarray(archs), jnp.asarray(scores))
        elites = sorted(zip(scores, archs.tolist(), strict=True))[-3:]
        counts = np.zeros((3, 3))
        for _, arch in elites:
            counts[np.arange(3), arch] += 1 / 3
        table = 0.9 * (0.3 * table + 0.7 * counts) + 0.1 * UNIFORM
        np.testing.assert_allclose(state.table, table, atol=1e-6)


def test_a_step_of_pbil():
    options = PbilOptions(step=0.1, mutation=0.0)
    strategy = pbil(NUM_OPS, population=3, generations=1, options=options)
    archs = jnp.array([[0, 0, 0], [2, 0, 1], [1, 0, 1]])
    state = strategy.init(jax.random.key(0))
    state = strategy.tell(state, archs, jnp.array([0.5, 0.1, 0.7]))
    expected = [[0.3, 0.4, 0.3], [1, 0, 0], [0.45, 0.55, 0]]
    np.testing.assert_allclose(state.table, expected, rtol=1e-6)


def test_mutation_moves_towards_random_ops():
    table = jnp.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0]])

    def move(key):
        return mutate_table(key, table, NUM_OPS, chance=0.25, step=0.4)

    keys = jax.random.split(jax.random.key(0), 20_000)
    moved = np.asarray(jax.jit(jax.vmap(move))(keys))
    # On average a share of 0.25 x 0.4 becomes uniform; layers move on their own.
    expected = 0.9 * np.asarray(table) + 0.1 * UNIFORM
    np.testing.assert_allclose(moved.mean(axis=0), expected, atol=0.01)
    np.testing.assert_allclose(moved.sum(axis=2), 1, atol=1e-6)
    still = np.mean(np.all(moved == np.asarray(table)[None], axis=(1, 2)))
    # Layer 0 stays, or draws its own op, with 0.75 + 0.25 / 3; layer 2 with 7/8.
    assert abs(still - (5 / 6) * (7 / 8)) < 0.015


def test_failures_are_no_elites():
    archs = jnp.array([[0, 0, 0], [2, 0, 1], [1, 0, 1]])
    scores = jnp.array([-jnp.inf, 0.3, -jnp.inf])
    found, any_elite = elite_frequencies(archs, scores, elites=2, most=3)
    np.testing.assert_array_equal(found, np.eye(3)[[2, 0, 1]])
    assert any_elite
    nothing = jnp.full(3, -jnp.inf)
    assert not elite_frequencies(archs, nothing, elites=2, most=3)[1]
