"""QAOA on registers against dense matrix exponentials and the circuit over qubits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from qnas_jax.kernels import qaoa_state
from qnas_jax.optimise.problems.problem import Levels
from qnas_jax.optimise.variational.levels_qaoa import (
    QaoaLevelsOptions,
    _measure,
    qaoa_levels,
    ramp,
)
from qnas_jax.optimise.variational.mixers import LEVEL_MIXERS, levels_state, mix_levels

UNEVEN = (3, 2, 5, 1, 4)


projector_state = functools.partial(levels_state, mixer="projector")


def dense_mixer(beta, num_levels):
    """The Kronecker product of exp(-i beta |s><s|)."""
    factors = [
        linalg.expm(-1j * beta * np.full((count, count), 1 / count))
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
        linalg.expm(-1j * beta * LEVEL_MIXERS[mixer](count))
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


def some_form(seed):
    rng = np.random.default_rng(seed)
    above = np.triu(np.ones((5, 5)), k=1)[:, :, None, None]
    return Levels(
        jnp.asarray(rng.normal(size=(5, 4)), jnp.float32),
        jnp.asarray(rng.normal(size=(5, 5, 4, 4)) * above, jnp.float32),
        0.0,
        (4,) * 5,
    )


def test_the_default_ramp_finds_the_optimum():
    """Its chance in one shot is a hundred times that of guessing, or more."""
    for seed in range(5):
        form = some_form(seed)
        found = jax.jit(qaoa_levels)(form, jax.random.key(seed))
        np.testing.assert_allclose(found.costs.min(), form.table().min(), rtol=1e-5)
        table = form.table()
        unit = (table - table.mean()) / table.std()
        state = projector_state(unit, *ramp(QaoaLevelsOptions()), (4,) * 5)
        assert jnp.abs(state[jnp.argmin(table)]) ** 2 > 0.01
        np.testing.assert_allclose(jnp.linalg.norm(state), 1, atol=1e-5)


def test_samples_carry_their_costs():
    form = some_form(7)
    found = qaoa_levels(form, jax.random.key(0), options=QaoaLevelsOptions(shots=40))
    assert found.samples.shape == (40, 5) and found.evaluations == 40
    np.testing.assert_allclose(
        found.costs, form.cost_of_choices(found.samples), rtol=1e-4, atol=1e-5
    )


def test_a_constant_cost_leaves_the_superposition():
    form = Levels(jnp.zeros((2, 3)), jnp.zeros((2, 2, 3, 3)), 2.0, (3, 2))
    found = qaoa_levels(form, jax.random.key(0))
    np.testing.assert_allclose(found.costs, 2.0)
    assert len(np.unique(np.asarray(found.samples), axis=0)) == 6


def test_measurements_follow_the_probabilities():
    chances = jnp.array([0.0, 0.5, 0.0, 0.2, 0.3, 0.0])
    drawn = _measure(jax.random.key(0), chances, 20_000)
    shares = np.bincount(np.asarray(drawn), minlength=6) / 20_000
    np.testing.assert_allclose(shares, chances, atol=0.015)
