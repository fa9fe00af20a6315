"""Entangled registers: gates by hand and by matrix exponential, learning, limits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from made_strategies import made

from qnas_jax.searching.observation import own_ops
from qnas_jax.searching.registers.entangled import turn_chain, turns
from qnas_jax.searching.registers.register_chain import (
    bond_entropy,
    marginals,
    uniform_chain,
)


def make(num_ops, population=4, rule="han_kim_2002", epsilon=0.0, **options):
    values = {"angle": 0.1, "rule": rule, "epsilon": epsilon, **options}
    migration = {"local_migration_every": 0, "global_migration_every": 1}
    return made("entangled", num_ops, population, **values, **migration)


def test_turns_by_hand():
    """The guide goes 1, 2, 0; the arch differs from it in the middle only."""
    found = turns(
        jnp.array([1, 0, 0]), jnp.array([1, 2, 0]), 3, local=0.3, entangling=0.1
    )
    expected = [[0, 0, 0], [0.3, 0.4, 0.3], [0, 0, 0.1]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_one_generation_by_hand():
    """From 45 degrees: the guide's row turns by 30, the other one by 15 degrees."""
    strategy = make((2, 2), population=1, angle=math.pi / 6)
    state, tell = strategy.init(jax.random.key(0)), jax.jit(strategy.tell)
    state = tell(state, jnp.array([[0, 0]]), jnp.ones(1))
    state = tell(state, jnp.array([[1, 1]]), jnp.zeros(1))
    near, far = math.cos(math.pi / 12) ** 2, math.cos(math.pi / 6) ** 2
    expected = [near, near * near + (1 - near) * far]
    table = strategy.probabilities(state)
    np.testing.assert_allclose(table[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("num_ops", [(2, 2), (3, 4)])
def test_the_gates_are_one_unitary_on_the_pair(num_ops):
    """exp of the planes' generators, each behind a projector on the layer before."""
    own = own_ops(num_ops)
    size, rng = own.shape[1], np.random.default_rng(0)
    rows = rng.uniform(0.2, 1, (2, size, size)) * own[:, None, :]
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    guide, angles = np.array([0, 1]), rng.uniform(0.01, 0.1, (2, size))
    angles[0] = 0
    state = (rows[0, 0][:, None] * rows[1]).ravel()
    gate = np.zeros((size**2, size**2))
    for code in range(size):
        basis = np.eye(size)[guide[1]]
        rest = rows[1, code] * (1 - basis)
        rest /= np.linalg.norm(rest)
        generator = angles[1, code] * (np.outer(basis, rest) - np.outer(rest, basis))
        turn = scipy.linalg.expm(generator)
        gate += np.kron(np.diag(np.eye(size)[code]), turn)
    np.testing.assert_allclose(gate @ gate.T, np.eye(size**2), atol=1e-12)
    arrays = (jnp.asarray(value, jnp.float32) for value in (rows, angles))
    chain, angles = arrays
    turned = turn_chain(chain, jnp.asarray(guide), angles, jnp.asarray(own), epsilon=0)
    found = (turned[0, 0][:, None] * turned[1]).ravel()
    np.testing.assert_allclose(found, gate @ state, atol=1e-6)


def test_norm_and_missing_ops_survive_many_updates():
    num_ops = (5, 3, 2)
    strategy = make(num_ops, epsilon=0.01)
    state = strategy.init(jax.random.key(0))
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    for key in jax.random.split(jax.random.key(1), 300):
        state = tell(state, ask(key, state), jax.random.uniform(key, (4,)))
    squares = np.square(state.chains)
    np.testing.assert_allclose(squares.sum(axis=-1), 1, rtol=1e-5)
    own = np.broadcast_to(own_ops(num_ops)[None, :, None, :], squares.shape)
    assert np.all(squares[~own] == 0)
    assert squares[own].min() >= 0.01 - 1e-6


@pytest.mark.parametrize("rule", ["always", "han_kim_2002"])
def test_without_coupling_it_is_the_search_on_separate_registers(rule):
    options = {"population": 4, "rule": rule, "angle": 0.2}
    num_ops, tables = (5, 3, 1, 4), []
    for name, coupling in (("qudit", {}), ("entangled", {"coupling": 0.0})):
        strategy = made(name, num_ops, **options, **coupling)
        state, tell = strategy.init(jax.random.key(0)), jax.jit(strategy.tell)
        rng = np.random.default_rng(0)
        for _ in range(12):
            archs = jnp.asarray(rng.integers(0, num_ops, (4, 4)), jnp.int32)
            state = tell(state, archs, jnp.asarray(rng.random(4), jnp.float32))
        tables.append(strategy.probabilities(state))
    np.testing.assert_allclose(tables[0], tables[1], atol=1e-5)
    np.testing.assert_allclose(jax.vmap(bond_entropy)(state.chains), 0, atol=1e-4)


def turned_by(guides, coupling):
    """A chain of two layers of two ops after guides in turn, always fully differing."""
    own, chain = jnp.asarray(own_ops((2, 2))), jnp.asarray(uniform_chain((2, 2)))
    for guide in guides:
        angles = turns(
            1 - jnp.array(guide),
            jnp.array(guide),
            2,
            local=0.1 * (1 - coupling),
            entangling=0.1 * coupling,
        )
        chain = turn_chain(chain, jnp.array(guide), angles, own, epsilon=0.0)
    return chain


def test_correlated_guides_entangle_and_independent_ones_do_not():
    agree = [(0, 0), (1, 1)]
    either = [(0, 0), (0, 1), (1, 1), (1, 0)]
    entropies = [float(bond_entropy(turned_by(agree * n, 0.5))[0]) for n in (1, 4, 16)]
    assert entropies[0] < entropies[1] < entropies[2] and entropies[2] > 0.5
    chain = turned_by(agree * 16, 0.5)
    np.testing.assert_allclose(marginals(chain), 0.5, atol=0.06)
    assert chain[1, 0, 0] ** 2 > 0.9 and chain[1, 1, 1] ** 2 > 0.9
    assert bond_entropy(turned_by(either * 8, 0.5))[0] < 0.02
    np.testing.assert_allclose(bond_entropy(turned_by(agree * 16, 0.0)), 0, atol=1e-3)


def test_a_guide_that_stays_ends_the_entanglement():
    agree, settled = [(0, 0), (1, 1)] * 8, [(0, 0)] * 40
    before, after = turned_by(agree, 0.5), turned_by(agree + settled, 0.5)
    assert bond_entropy(before)[0] > 0.2 and bond_entropy(after)[0] < 1e-3
    np.testing.assert_allclose(marginals(after)[:, 0], 1, atol=1e-4)


def test_rule_2002_moves_only_worse_individuals():
    strategy = make((3, 3))
    state, tell = strategy.init(jax.random.key(0)), jax.jit(strategy.tell)
    state = tell(state, jnp.array([[1, 1]] * 4), jnp.ones(4))
    archs = jnp.array([[1, 0], [1, 0], [2, 1], [1, 1]])
    state = tell(state, archs, jnp.array([0.5, 1.5, 0.0, 0.0]))
    raised = np.square(state.chains)[..., 1] > 1 / 3 + 1e-3
    first, second = raised[:, 0, 0], raised[:, 1]
    np.testing.assert_array_equal(first, [False, False, True, False])
    # The third differs in the first layer only: its pair is turned, no other row is.
    expected = [[True] * 3, [False] * 3, [False, True, False], [False] * 3]
    np.testing.assert_array_equal(second, expected)


def test_a_chain_of_84_qubits():
    strategy = make((16,) * 21, population=3, epsilon=0.01)
    state = strategy.init(jax.random.key(0))
    archs = jax.jit(strategy.ask)(jax.random.key(1), state)
    tell = jax.jit(strategy.tell)
    state = tell(tell(state, archs, jnp.arange(3.0)), archs, jnp.arange(3.0))
    table = strategy.probabilities(state)
    assert table.shape == (21, 16)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-5)
    layers = np.arange(21)
    assert np.all(table[layers, archs[2]] > 1 / 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "han_kim_2000"}, "rule: got 'han_kim_2000'"),
        ({"coupling": 1.5}, "coupling: got 1.5, allowed: float >= 0.0 and"),
        ({"epsilon": 0.25}, "epsilon: got 0.25, expected a number in .0, 1/4"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make((4, 4), **options)
