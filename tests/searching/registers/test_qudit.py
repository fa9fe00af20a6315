"""Gates on K-level registers against numbers by hand and a matrix exponential."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from made_strategies import made

from qnas_jax.options import OptionError
from qnas_jax.searching.registers.qiga2 import contract_towards
from qnas_jax.searching.registers.qudit import keep_levels_open, rotate_towards


def random_register(seed, levels):
    values = np.random.default_rng(seed).uniform(0.1, 1, levels)
    return (values / np.linalg.norm(values)).astype(np.float32)


def test_rotation_by_hand():
    """Two equal levels are 45 degrees away from each; 15 more make cos^2 30."""
    register = jnp.full(2, math.sqrt(0.5))
    turned = rotate_towards(register, jnp.int32(0), angle=math.pi / 12)
    np.testing.assert_allclose(turned, [math.sqrt(0.75), 0.5], rtol=1e-6)


@pytest.mark.parametrize("levels", [2, 3, 5, 9])
def test_rotation_is_the_exponential_of_a_plane(levels):
    register = random_register(levels, levels)
    basis = np.eye(levels)[1]
    rest = register - register[1] * basis
    rest /= np.linalg.norm(rest)
    generator = 0.07 * (np.outer(basis, rest) - np.outer(rest, basis))
    expected = scipy.linalg.expm(generator) @ register
    turned = rotate_towards(jnp.asarray(register), jnp.int32(1), angle=0.07)
    np.testing.assert_allclose(turned, expected, atol=1e-6)


def test_rotation_stops_at_the_guide():
    register = jnp.array([0.0, math.cos(0.05), math.sin(0.05)])
    turned = rotate_towards(register, jnp.int32(1), angle=0.2)
    np.testing.assert_allclose(turned, [0, 1, 0], atol=1e-6)
    again = rotate_towards(turned, jnp.int32(1), angle=0.2)
    np.testing.assert_allclose(again, [0, 1, 0], atol=1e-6)


def test_rotation_leaves_the_other_levels_in_proportion():
    register = jnp.asarray(random_register(4, 5))
    turned = rotate_towards(register, jnp.int32(2), angle=0.1)
    rest = np.array([0, 1, 3, 4])
    ratio = turned[rest] / register[rest]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


def test_contraction_by_hand():
    """Four equal levels: 3 of them shrink to 0.45, the guide takes 1 - 3 * 0.45^2."""
    contracted = contract_towards(jnp.full(4, 0.5), jnp.int32(2), mu=0.9)
    guide = math.sqrt(1 - 3 * 0.45**2)
    np.testing.assert_allclose(contracted, [0.45, 0.45, guide, 0.45], rtol=1e-6)


GATES = [
    functools.partial(rotate_towards, angle=0.05 * math.pi),
    functools.partial(contract_towards, mu=0.9918),
]


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("levels", [2, 3, 5, 9])
def test_gates_keep_the_norm_and_raise_the_guide(gate, levels):
    register = jnp.asarray(random_register(levels + 10, levels))
    for op in range(levels):
        moved = gate(register, jnp.int32(op))
        np.testing.assert_allclose(jnp.sum(moved**2), 1, rtol=1e-5)
        assert moved[op] > register[op]
        assert jnp.all(moved >= 0)


def test_norm_survives_many_updates():
    strategy = make((5, 3, 2), epsilon=0.01)
    state = strategy.init(jax.random.key(0))
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    for key in jax.random.split(jax.random.key(1), 300):
        archs = ask(key, state)
        state = tell(state, archs, jax.random.uniform(key, (4,)))
    squares = state.amplitudes**2
    np.testing.assert_allclose(squares.sum(axis=-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(squares[:, 1, 3:], 0)
    np.testing.assert_array_equal(squares[:, 2, 2:], 0)


def make(num_ops, rule="always", epsilon=0.0):
    turn = {"rule": rule, "angle": 0.1, "epsilon": epsilon}
    migration = {"local_migration_every": 0, "global_migration_every": 1}
    return made("qudit", num_ops, 4, **turn, **migration)


def test_floor_is_exact_and_otherwise_idle():
    own = jnp.array([True, True, True, False])
    lifted = keep_levels_open(jnp.array([1.0, 0.0, 0.0, 0.0]), own, 0.1)
    np.testing.assert_allclose(lifted**2, [0.8, 0.1, 0.1, 0], atol=1e-6)
    high = jnp.sqrt(jnp.array([0.5, 0.3, 0.2, 0.0]))
    np.testing.assert_allclose(keep_levels_open(high, own, 0.1), high, rtol=1e-6)


def test_start_is_uniform_over_own_ops():
    strategy = make((4, 3, 1))
    table = strategy.probabilities(strategy.init(jax.random.key(0)))
    expected = [[1 / 4] * 4, [1 / 3, 1 / 3, 1 / 3, 0], [1, 0, 0, 0]]
    np.testing.assert_allclose(table, expected, rtol=1e-6)


def test_rule_2002_moves_only_worse_individuals_where_they_differ():
    strategy = make((3, 3), rule="han_kim_2002")
    state = strategy.init(jax.random.key(0))
    best = jnp.array([[1, 1]] * 4)
    state = strategy.tell(state, best, jnp.ones(4))
    archs = jnp.array([[1, 0], [1, 0], [2, 2], [1, 1]])
    state = strategy.tell(state, archs, jnp.array([0.5, 1.5, 0.0, 0.0]))
    moved = state.amplitudes[..., 1] ** 2 > 1 / 3 + 1e-3
    expected = [[False, True], [False, False], [True, True], [False, False]]
    np.testing.assert_array_equal(moved, expected)


def test_two_level_registers_search_like_q_bits():
    """Away from the poles a rotation of two levels is the rotation of a Q-bit."""
    options = {"population": 4, "epsilon": 0.05, "angle": 0.07}
    tables = []
    for name in ("qbit", "qudit"):
        strategy = made(name, (2,) * 6, **options)
        state, tell = strategy.init(jax.random.key(0)), jax.jit(strategy.tell)
        rng = np.random.default_rng(0)
        for _ in range(12):
            archs = jnp.asarray(rng.integers(0, 2, (4, 6)))
            state = tell(state, archs, jnp.asarray(rng.random(4)))
        tables.append(strategy.probabilities(state))
    np.testing.assert_allclose(tables[0], tables[1], atol=1e-5)


def test_bad_values_are_named():
    with pytest.raises(OptionError, match="rule: got 'han_kim_2000'"):
        make((4, 4), rule="han_kim_2000")
    with pytest.raises(ValueError, match="epsilon: got 0.25"):
        make((4, 4), epsilon=0.25)
