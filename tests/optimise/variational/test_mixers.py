"""Mixers against dense matrix exponentials and the circuit over qubits."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qnas_jax.kernels import qaoa_state
from qnas_jax.optimise.variational.mixers import (
    LEVEL_MIXERS,
    grover_state,
    levels_state,
    mix_levels,
)

UNEVEN = (3, 2, 5, 1, 4)

projector_state = functools.partial(levels_state, mixer="projector")


def dense_mixer(beta, num_levels):
    """The Kronecker product of exp(-i beta |s><s|)."""
    factors = [
        scipy.linalg.expm(-1j * beta * np.full((count, count), 1 / count))
        for count in num_levels
    ]
    return functools.reduce(np.kron, factors)


def random_costs(seed, size):
    return np.random.default_rng(seed).normal(size=size).astype(np.float32)


@pytest.mark.parametrize("num_levels", [UNEVEN, (5, 5, 5), (40, 2), (1,)])
def test_mixer_is_the_exponential(num_levels):
    size = int(np.prod(num_levels))
    rng = np.random.default_rng(0)
    state = rng.normal(size=(2, size)).astype(np.float32)
    ours = mix_levels(jnp.asarray(state), jnp.float32(0.7), num_levels, "projector")
    expected = dense_mixer(0.7, num_levels) @ (state[0] + 1j * state[1])
    np.testing.assert_allclose(ours[0] + 1j * ours[1], expected, atol=2e-6)


def test_state_is_that_of_dense_matrices():
    costs = random_costs(1, 120)
    gammas, betas = np.array([0.3, 0.8, 1.4]), np.array([-1.2, -0.7, -0.2])
    state = np.full(120, 120**-0.5, complex)
    for gamma, beta in zip(gammas, betas, strict=True):
        state = dense_mixer(beta, UNEVEN) @ (np.exp(-1j * gamma * costs) * state)
    ours = projector_state(
        jnp.asarray(costs), jnp.asarray(gammas), jnp.asarray(betas), UNEVEN
    )
    np.testing.assert_allclose(ours, state, atol=2e-6)


def test_two_levels_are_qubits():
    """|s><s| = (1 + X) / 2: the transverse field at half the angle."""
    costs = jnp.asarray(random_costs(2, 32))
    gammas, betas = jnp.array([0.5, 0.9]), jnp.array([0.8, 0.3])
    ours = projector_state(costs, gammas, betas, (2,) * 5)
    bits = qaoa_state(costs, gammas, betas / 2)
    np.testing.assert_allclose(jnp.abs(ours), jnp.abs(bits), atol=2e-6)
    overlap = jnp.abs(jnp.vdot(ours, bits))
    np.testing.assert_allclose(overlap, 1, atol=1e-5)


@pytest.mark.parametrize("mixer", LEVEL_MIXERS)
def test_an_angle_for_each_register(mixer):
    """Against dense exponentials of each register's matrix."""
    betas = np.array([0.9, -0.4, 1.7, 0.3, -1.1])
    state = np.random.default_rng(3).normal(size=(2, 120))
    factors = [
        scipy.linalg.expm(-1j * beta * LEVEL_MIXERS[mixer](count))
        for beta, count in zip(betas, UNEVEN, strict=True)
    ]
    expected = functools.reduce(np.kron, factors) @ (state[0] + 1j * state[1])
    ours = mix_levels(jnp.float32(state), jnp.float32(betas), UNEVEN, mixer)
    np.testing.assert_allclose(ours[0] + 1j * ours[1], expected, atol=1e-5)


def test_the_complete_graph_is_the_projector_at_larger_angles():
    """A = K |s><s| - 1: K_l times the angle of register l, and a common phase."""
    costs = jnp.asarray(random_costs(4, 120))
    gammas, betas = jnp.array([0.4, 1.1]), jnp.array([-0.6, 0.2])
    complete = levels_state(costs, gammas, betas, UNEVEN, "complete")
    larger = betas[:, None] * jnp.array(UNEVEN, jnp.float32)[None]
    phase = np.exp(1j * len(UNEVEN) * float(betas.sum()))
    ours = phase * projector_state(costs, gammas, larger, UNEVEN)
    np.testing.assert_allclose(ours, complete, atol=2e-6)


@pytest.mark.parametrize("graph", ["ring", "complete"])
def test_xy_mixers_are_those_of_all_bits(graph):
    """Two registers of 3 and 2 bits: full Pauli matrices, from W states."""
    levels, rng = (3, 2), np.random.default_rng(1)
    costs = rng.normal(size=6)
    gammas, betas = rng.uniform(-1, 1, (2, 2))
    full, one_hot = xy_hamiltonian(levels, graph), one_hot_indices(levels)
    state = np.zeros(32, complex)
    state[one_hot] = 6**-0.5
    for gamma, beta in zip(gammas, betas, strict=True):
        state[one_hot] *= np.exp(-1j * gamma * costs)
        state = scipy.linalg.expm(-1j * beta * full) @ state
    outside = np.delete(state, one_hot)
    np.testing.assert_allclose(outside, 0, atol=1e-12)
    inputs = map(jnp.float32, (costs, gammas, betas))
    found = levels_state(*inputs, levels, graph)
    np.testing.assert_allclose(found, state[one_hot], atol=1e-6)


def xy_hamiltonian(levels, graph):
    """sum (X_i X_j + Y_i Y_j) / 2 over the edges within registers."""
    total, first = 0, 0
    for count in levels:
        edges = {(i, j) for i in range(count) for j in range(i)}
        if graph == "ring":
            edges = {tuple(sorted((i, (i + 1) % count))[::-1]) for i in range(count)}
        for i, j in edges:
            for pauli in ("X", "Y"):
                letters = {first + i: pauli, first + j: pauli}
                total = total + pauli_string(letters, sum(levels)) / 2
        first += count
    return total


def pauli_string(letters, num_qubits):
    matrices = {"X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]])}
    product = np.eye(1)
    for qubit in range(num_qubits):
        product = np.kron(product, matrices.get(letters.get(qubit), np.eye(2)))
    return product


def one_hot_indices(levels):
    indices = [0]
    for count in levels:
        indices = [
            i << count | 1 << (count - 1 - k) for i in indices for k in range(count)
        ]
    return indices


def test_grover_mixer_by_its_closed_form():
    """With phase pi on one item and beta = pi, layers are Grover iterations."""
    for size, layers in [(16, 3), (15, 2), (100, 7)]:
        costs = jnp.zeros(size).at[3].set(1.0)
        angles = jnp.full(layers, np.pi)
        state = grover_state(costs, angles, angles)
        wanted = np.sin((2 * layers + 1) * np.arcsin(size**-0.5)) ** 2
        assert float(jnp.abs(state[3]) ** 2) == pytest.approx(wanted, abs=1e-5)


def test_grover_mixer_is_an_exponential():
    rng = np.random.default_rng(0)
    costs, gamma, beta = rng.normal(size=6), 0.4, 1.3
    uniform = np.full(6, 6**-0.5)
    projector = np.outer(uniform, uniform)
    wanted = scipy.linalg.expm(-1j * beta * projector) @ (
        np.exp(-1j * gamma * costs) * uniform
    )
    found = grover_state(jnp.float32(costs), jnp.array([gamma]), jnp.array([beta]))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_wrong_mixers_and_costs_are_named():
    angles = jnp.ones(1), jnp.ones(1)
    with pytest.raises(ValueError, match="mixer: got 'star', expected one of"):
        levels_state(jnp.ones(4), *angles, (2, 2), "star")
    with pytest.raises(ValueError, match=r"got costs \(5,\) for levels"):
        levels_state(jnp.ones(5), *angles, (2, 2))
