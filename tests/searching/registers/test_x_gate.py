"""X gates: by hand, against permutation matrices and against the whole state."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching.registers.register_chain import amplitude
from qnas_jax.searching.registers.x_gate import (
    shift_chain,
    shift_levels,
)


def test_a_shift_by_hand():
    """Three of four levels are the layer's own; level 0 moves to 2."""
    shifted = shift_levels(jnp.array([0.1, 0.2, 0.3, 0.0]), jnp.int32(2), jnp.int32(3))
    np.testing.assert_allclose(shifted, [0.2, 0.3, 0.1, 0.0])


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_a_shift_is_a_power_of_a_matrix(levels):
    """X_K = sum_k |k + 1><k|."""
    once = np.roll(np.eye(levels), 1, axis=0)
    register = np.random.default_rng(levels).random(levels).astype(np.float32)
    padded = np.pad(register, (0, 2))
    for step in range(levels):
        found = shift_levels(jnp.asarray(padded), jnp.int32(step), jnp.int32(levels))
        expected = np.linalg.matrix_power(once, step) @ register
        np.testing.assert_allclose(found, np.pad(expected, (0, 2)), rtol=1e-6)


def test_a_shifted_chain_is_the_permuted_state():
    """All amplitudes of three layers of 3, 2 and 4 ops, one by one."""
    num_ops, steps = (3, 2, 4), (2, 1, 3)
    rng = np.random.default_rng(0)
    chain = np.zeros((3, 4, 4), np.float32)
    for layer, count in enumerate(num_ops):
        rows = rng.uniform(0.1, 1, (4, count))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        chain[layer, :, :count] = rows
    shifted = shift_chain(jnp.asarray(chain), jnp.array(steps), jnp.array(num_ops))
    total = 0.0
    for arch in itertools.product(*map(range, num_ops)):
        moved = [(op + s) % k for op, s, k in zip(arch, steps, num_ops, strict=True)]
        before = amplitude(jnp.asarray(chain), jnp.array(arch))
        after = amplitude(shifted, jnp.array(moved))
        np.testing.assert_allclose(after, before, rtol=1e-6)
        total += float(after) ** 2
    np.testing.assert_allclose(total, 1, rtol=1e-5)


def learnt(name, num_ops, population=4):
    """A state after some generations; individual 1 holds the best guide."""
    settings = {"angle": 0.3, "global_migration_every": 0}
    strategy = made(name, num_ops, population, **settings)
    state = strategy.init(jax.random.key(0))
    rng = np.random.default_rng(1)
    for _ in range(6):
        archs = np.stack([rng.integers(0, k, population) for k in num_ops], axis=1)
        scores = rng.random(population) + 9.0 * (np.arange(population) == 1)
        state = strategy.tell(state, jnp.asarray(archs), jnp.asarray(scores))
    return strategy, state


def registers_of(state, name):
    """Registers with the population in front."""
    if name == "qbit":
        return np.moveaxis(np.asarray(state.angles), 1, 0)
    return np.asarray(state.amplitudes if name == "qudit" else state.chains)


@pytest.mark.parametrize("name", ["qbit", "qudit", "entangled"])
def test_all_are_hit_but_the_best_and_the_norm_is_kept(name):
    num_ops = (4, 2, 3)
    strategy, before = learnt(name, num_ops)
    after = strategy.mutate(jax.random.key(2), before, 1.0)
    old, new = registers_of(before, name), registers_of(after, name)
    np.testing.assert_array_equal(new[1], old[1])
    for row in (0, 2, 3):
        assert not np.allclose(new[row], old[row])
    np.testing.assert_array_equal(after.guides.scores, before.guides.scores)
    table = strategy.probabilities(after)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(table[1, 2:], 0)


def test_x_on_a_qbit_swaps_both_values():
    strategy, before = learnt("qbit", (2, 2))
    after = strategy.mutate(jax.random.key(3), before, 1.0)
    old, new = registers_of(before, "qbit")[0], registers_of(after, "qbit")[0]
    np.testing.assert_allclose(np.cos(new) ** 2, np.sin(old) ** 2, atol=1e-6)


def test_the_share_of_gates_is_the_probability():
    strategy, before = learnt("qudit", (3,) * 300)
    after = strategy.mutate(jax.random.key(4), before, 0.2)
    moved = np.any(registers_of(after, "qudit") != registers_of(before, "qudit"), -1)
    assert abs(moved[[0, 2, 3]].mean() - 0.2) < 0.05  # 3.7 standard errors
