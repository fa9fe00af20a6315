"""The chain of registers against full state vectors of the circuit that prepares it."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.observation import own_ops
from qnas_jax.searching.registers.register_chain import (
    amplitude,
    bond_entropy,
    marginals,
    observe_chain,
    uniform_chain,
)

SIZES = [(3, 4, 2), (2, 2, 2, 2), (5, 1, 3)]


def random_chain(seed, num_ops):
    own = own_ops(num_ops)
    shape = (len(num_ops), own.shape[1], own.shape[1])
    rows = np.random.default_rng(seed).random(shape) ** 3 * own[:, None, :]
    return jnp.asarray(rows / np.linalg.norm(rows, axis=2, keepdims=True), jnp.float32)


def qubits_of(num_ops):
    return [(count - 1).bit_length() for count in num_ops]


def unitary_to(row, size):
    """An orthogonal matrix that takes |0> to the row: a reflection."""
    target = np.zeros(size)
    count = min(size, len(row))
    target[:count] = np.asarray(row, np.float64)[:count]
    target /= np.linalg.norm(target)
    normal = np.eye(size)[0] - target
    if np.linalg.norm(normal) < 1e-9:
        return np.eye(size)
    normal /= np.linalg.norm(normal)
    return np.eye(size) - 2 * np.outer(normal, normal)


def controlled(unitaries):
    """sum_k |k><k| (x) U_k."""
    size = len(unitaries)
    return sum(np.kron(np.diag(np.eye(size)[k]), u) for k, u in enumerate(unitaries))


def full_state(chain, num_ops):
    """Applies the circuit to |0...0> of all qubits, by Kronecker products."""
    sizes = [2**width for width in qubits_of(num_ops)]
    state = np.eye(math.prod(sizes))[0]
    for layer, size in enumerate(sizes):
        controls = sizes[layer - 1] if layer else 1
        rows = [chain[layer, min(k, max(num_ops) - 1)] for k in range(controls)]
        gate = controlled([unitary_to(row, size) for row in rows])
        np.testing.assert_allclose(gate @ gate.T, np.eye(len(gate)), atol=1e-12)
        left = np.eye(math.prod(sizes[: max(layer - 1, 0)]))
        right = np.eye(math.prod(sizes[layer + 1 :]))
        state = np.kron(np.kron(left, gate), right) @ state
    return state.reshape(sizes)


@pytest.mark.parametrize("num_ops", SIZES)
def test_amplitudes_are_those_of_the_circuit(num_ops):
    chain = random_chain(0, num_ops)
    state = full_state(chain, num_ops)
    archs = np.array(list(itertools.product(*map(range, num_ops))))
    found = jax.vmap(amplitude, in_axes=(None, 0))(chain, jnp.asarray(archs))
    np.testing.assert_allclose(found, state[tuple(archs.T)], atol=1e-6)
    np.testing.assert_allclose(np.sum(np.square(found)), 1, rtol=1e-5)
    state[tuple(archs.T)] = 0  # Codes that name no op stay empty.
    np.testing.assert_allclose(state, 0, atol=1e-12)


@pytest.mark.parametrize("num_ops", SIZES)
def test_marginals_are_those_of_the_state(num_ops):
    chain = random_chain(1, num_ops)
    squares = full_state(chain, num_ops) ** 2
    table = marginals(chain)
    for layer, count in enumerate(num_ops):
        others = tuple(axis for axis in range(len(num_ops)) if axis != layer)
        expected = squares.sum(axis=others)[:count]
        np.testing.assert_allclose(table[layer, :count], expected, atol=1e-6)
        np.testing.assert_array_equal(table[layer, count:], 0)


@pytest.mark.parametrize("num_ops", SIZES)
def test_observations_follow_the_state(num_ops):
    """Frequencies of whole archs, within five standard deviations."""
    chain, draws = random_chain(2, num_ops), 40_000
    keys = jax.random.split(jax.random.key(0), draws)
    archs = jax.jit(jax.vmap(observe_chain, in_axes=(0, None)))(keys, chain)
    squares = full_state(chain, num_ops) ** 2
    counts = np.zeros(squares.shape)
    np.add.at(counts, tuple(np.asarray(archs).T), 1)
    spread = np.sqrt(squares * (1 - squares) / draws)
    assert np.all(np.abs(counts / draws - squares) <= 5 * spread + 1e-9)


@pytest.mark.parametrize("num_ops", SIZES)
def test_entropy_is_that_of_the_schmidt_values(num_ops):
    chain = random_chain(3, num_ops)
    state = full_state(chain, num_ops)
    entropies = bond_entropy(chain)
    for cut in range(1, len(num_ops)):
        rows = math.prod(state.shape[:cut])
        values = np.linalg.svd(state.reshape(rows, -1), compute_uv=False) ** 2
        values = values[values > 1e-15]
        expected = -np.sum(values * np.log2(values))
        np.testing.assert_allclose(entropies[cut - 1], expected, atol=2e-5)


def test_bell_state_by_hand():
    """Two layers that always agree: one bit of entanglement, even marginals."""
    chain = jnp.stack([jnp.full((2, 2), math.sqrt(0.5)), jnp.eye(2)])
    np.testing.assert_allclose(bond_entropy(chain), [1.0], atol=1e-6)
    np.testing.assert_allclose(marginals(chain), 0.5, rtol=1e-6)
    amplitudes = [amplitude(chain, jnp.array(arch)) for arch in ([0, 0], [0, 1])]
    np.testing.assert_allclose(amplitudes, [math.sqrt(0.5), 0], rtol=1e-6)
    keys = jax.random.split(jax.random.key(1), 200)
    archs = jax.vmap(functools.partial(observe_chain, chain=chain))(keys)
    np.testing.assert_array_equal(archs[:, 0], archs[:, 1])


def test_the_start_is_an_equal_product():
    chain = jnp.asarray(uniform_chain((3, 4, 1, 2)))
    np.testing.assert_allclose(bond_entropy(chain), 0, atol=1e-5)
    weight = amplitude(chain, jnp.array([2, 3, 0, 1]))
    np.testing.assert_allclose(weight, 1 / math.sqrt(24), rtol=1e-6)
