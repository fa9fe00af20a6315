"""Samplers that take all ops alike: balance and randomness."""

import jax
import jax.numpy as jnp
import numpy as np
from path_draws import draw_paths
from scipy import stats

from qnas_jax.training import fair_arch, initial_sampler_state
from qnas_jax.training.paths import fair, strict_fair, uniform

NUM_OPS = (3, 2, 5, 1, 4)


def fair_paths(num_steps, seed=0):
    """The fair order [T, L] under the key that `draw_paths` uses."""
    order_key, _ = jax.random.split(jax.random.key(seed))
    archs = jax.vmap(lambda step: fair_arch(order_key, NUM_OPS, step))
    return np.asarray(archs(jnp.arange(num_steps)))


def test_fair_visits_each_op_once_in_k_steps():
    archs = fair_paths(120)
    assert archs.dtype == np.int32 and archs.shape == (120, 5)
    for layer, count in enumerate(NUM_OPS):
        for block in archs[:, layer].reshape(-1, count):
            np.testing.assert_array_equal(np.sort(block), np.arange(count))


def test_fair_order_is_random_for_each_block_and_layer():
    key = jax.random.key(3)
    archs = jax.vmap(lambda step: fair_arch(key, (3, 3), step))(jnp.arange(3 * 1200))
    blocks = np.asarray(archs).reshape(1200, 3, 2)
    names = [[int(a * 9 + b * 3 + c) for a, b, c in blocks[..., i]] for i in range(2)]
    for layer in names:
        _, counts = np.unique(layer, return_counts=True)
        assert len(counts) == 6  # all permutations of three ops
        assert stats.chisquare(counts).pvalue > 1e-3
    table = stats.contingency.crosstab(*names).count
    assert table.shape == (6, 6)
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_fair_is_a_function_of_key_and_step():
    key = jax.random.key(1)
    jitted = jax.jit(lambda step: fair_arch(key, NUM_OPS, step))
    for step in (0, 1, 7, 1000):
        eager = fair_arch(key, NUM_OPS, jnp.int32(step))
        np.testing.assert_array_equal(jitted(step), eager)
    other = np.asarray([fair_arch(jax.random.key(2), NUM_OPS, i) for i in range(12)])
    same = np.asarray([fair_arch(key, NUM_OPS, i) for i in range(12)])
    assert (other != same).any()


def test_fair_sampler_follows_the_order_and_counts():
    state = initial_sampler_state(NUM_OPS, 2)
    after, archs, counts = draw_paths(fair(NUM_OPS), state, 30)
    np.testing.assert_array_equal(archs[:, 0], fair_paths(30))
    np.testing.assert_array_equal(counts, np.arange(30))
    assert int(after.fair_steps) == 30


def test_strict_fair_update_holds_each_op_of_the_widest_layers_once():
    num_ops = (3, 4, 4, 2)
    sampler = strict_fair(num_ops)
    assert sampler.num_paths == 4
    _, archs, counts = draw_paths(sampler, initial_sampler_state(num_ops, 1), 9)
    np.testing.assert_array_equal(counts, 4 * np.arange(9))
    for update in archs:
        for layer in (1, 2):
            np.testing.assert_array_equal(np.sort(update[:, layer]), np.arange(4))
        np.testing.assert_array_equal(np.sort(update[:, 3]), [0, 0, 1, 1])
    for block in archs[..., 0].reshape(-1, 3):  # across the ends of updates
        np.testing.assert_array_equal(np.sort(block), np.arange(3))


def test_strict_fair_promises_each_op_once_if_all_layers_have_as_many():
    """What a network may rely on: each column of an update is a permutation."""
    sampler = strict_fair((3, 3))
    assert sampler.once
    _, archs, _ = draw_paths(sampler, initial_sampler_state((3, 3), 1), 20)
    expected = np.tile(np.arange(3)[:, None], (20, 1, 2))
    np.testing.assert_array_equal(np.sort(archs, axis=1), expected)
    assert not strict_fair((3, 2)).once
    assert not uniform((3, 3)).once


def test_uniform_is_uniform_and_independent_by_layer():
    state = initial_sampler_state(NUM_OPS, 1)
    after, archs, _ = draw_paths(uniform(NUM_OPS), state, 6000)
    assert archs.shape == (6000, 1, 5)
    assert int(after.fair_steps) == 0
    for layer, count in enumerate(NUM_OPS):
        found = np.bincount(archs[:, 0, layer], minlength=count)
        assert len(found) == count
        if count > 1:
            assert stats.chisquare(found).pvalue > 1e-3
    table = stats.contingency.crosstab(archs[:, 0, 0], archs[:, 0, 2]).count
    assert stats.chi2_contingency(table).pvalue > 1e-3
