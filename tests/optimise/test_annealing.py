"""Real-time annealing against dense integration, its order, and the adiabatic limit."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qnas_jax.optimise import Diagonal, qubo
from qnas_jax.optimise.annealing import (
    QuantumAnnealingOptions,
    Schedule,
    anneal_state,
    annealing,
    named_schedule,
)


def all_bits(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.int8)


def random_costs(n, seed=0):
    form = qubo(np.random.default_rng(seed).normal(size=(n, n)))
    return np.asarray(form.cost(all_bits(n)), float)


def sum_of_x(n):
    x, one = np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    terms = [[x if i == j else one for j in range(n)] for i in range(n)]
    return sum(functools.reduce(np.kron, term) for term in terms)


def dense_state(costs, field, weight, time, steps):
    """The Schroedinger equation by exponentials of the whole H at each midpoint."""
    middles = ((np.arange(steps) + 0.5) / steps)[:, None, None]
    n = int(np.log2(len(costs)))
    hamiltonians = weight(middles) * np.diag(costs) - field(middles) * sum_of_x(n)
    state = np.full(2**n, 2 ** (-n / 2), complex)
    for factor in scipy.linalg.expm(-1j * time / steps * hamiltonians):
        state = factor @ state
    return state


def overlap_error(got, want):
    return 1 - abs(np.vdot(np.asarray(got), want)) / np.linalg.norm(got)


@pytest.mark.parametrize(
    ("name", "field", "weight"),
    [
        ("linear", lambda s: 1 - s, lambda s: s),
        ("quadratic", lambda s: (1 - s) ** 2, lambda s: s**2),
    ],
)
def test_against_dense_exponentials_and_order_of_the_error(name, field, weight):
    costs, time = random_costs(4), 2.0
    want = dense_state(costs, field, weight, time, 640)
    errors = []
    with jax.enable_x64(True):
        diagonal = jnp.asarray(costs)
        for steps in (20, 40, 80):
            got, _ = anneal_state(
                diagonal, named_schedule(name, 2049), time=time, steps=steps
            )
            assert got.dtype == jnp.complex128
            errors.append(np.linalg.norm(got - want))
    assert errors[-1] < 4e-3
    # Halving the step divides the error by four.
    ratios = np.array(errors[:-1]) / errors[1:]
    np.testing.assert_allclose(ratios, 4, atol=0.3)


def test_single_precision_and_custom_schedules():
    """A pause half way: straight lines through given values."""
    costs = random_costs(6, seed=1)
    values = np.array([1.0, 0.4, 0.4, 0.0]), np.array([0.0, 0.5, 0.5, 1.2])
    places = np.linspace(0, 1, 4)
    want = dense_state(
        costs,
        lambda s: np.interp(s, places, values[0]),
        lambda s: np.interp(s, places, values[1]),
        1.5,
        100,
    )
    schedule = Schedule(*(jnp.asarray(v, jnp.float32) for v in values))
    diagonal = jnp.asarray(costs, jnp.float32)
    got, trace = anneal_state(diagonal, schedule, time=1.5, steps=200)
    assert got.dtype == jnp.complex64 and overlap_error(got, want) < 1e-4
    assert trace[-1] == pytest.approx(np.abs(want) ** 2 @ costs, abs=0.02)


def test_one_qubit_by_hand():
    """A constant field alone leaves |+>; a cost alone turns its phase."""
    still = Schedule(jnp.ones(2), jnp.zeros(2))
    diagonal = jnp.array([0.0, 1.0])
    state, _ = anneal_state(diagonal, still, time=3.0, steps=4)
    np.testing.assert_allclose(np.abs(state), 0.5**0.5, atol=1e-6)
    assert overlap_error(state, np.full(2, 0.5**0.5)) < 1e-6
    turning = Schedule(jnp.zeros(2), jnp.ones(2))
    state, _ = anneal_state(diagonal, turning, time=3.0, steps=4)
    want = np.array([1, np.exp(-3j)]) / 2**0.5
    np.testing.assert_allclose(state, want, atol=1e-6)


def test_adiabatic_limit_reaches_the_ground_state():
    costs = random_costs(6, seed=7)
    diagonal = jnp.asarray(costs, jnp.float32)
    chances = []
    for time in (1.0, 5.0, 25.0):
        state, _ = anneal_state(
            diagonal, named_schedule("linear"), time=time, steps=int(20 * time) + 20
        )
        chances.append(float(jnp.abs(state[costs.argmin()]) ** 2))
    assert chances[0] < chances[1] < chances[2] and chances[2] > 0.98


def test_as_an_optimiser():
    costs = random_costs(8, seed=3)
    problem = Diagonal(jnp.asarray(1000 * costs + 5, jnp.float32))
    result = jax.jit(annealing)(problem, jax.random.key(0))
    assert result.cost == pytest.approx(1000 * costs.min() + 5, rel=1e-5)
    np.testing.assert_array_equal(result.levels, all_bits(8)[costs.argmin()])
    np.testing.assert_array_equal(problem.cost(result.samples), result.sample_costs)
    assert result.trace[-1] < result.trace[0] and result.trace.shape == (100,)
    assert result.evaluations == 256


def test_shots_have_the_expected_cost_that_the_trace_ends_with():
    problem = Diagonal(jnp.asarray(random_costs(8, seed=3), jnp.float32))
    options = QuantumAnnealingOptions(time=0.5, steps=40, shots=4000)
    result = jax.jit(lambda p, k: annealing(p, k, options=options))(
        problem, jax.random.key(3)
    )
    error = result.sample_costs.std() / 4000**0.5
    assert error > 0
    assert abs(result.sample_costs.mean() - result.trace[-1]) < 4 * error


def test_many_keys_and_problems_at_once():
    options = QuantumAnnealingOptions(time=8.0, steps=30, shots=64)
    values = np.stack([random_costs(5, seed) for seed in (4, 5)])
    result = jax.jit(
        jax.vmap(
            lambda v, k: annealing(
                Diagonal(v), k, options=options, schedule=named_schedule("quadratic")
            )
        )
    )(jnp.asarray(values, jnp.float32), jax.random.split(jax.random.key(1), 2))
    np.testing.assert_allclose(result.cost, values.min(axis=1), rtol=1e-5)


def test_equal_costs_are_no_trouble():
    result = annealing(Diagonal(jnp.full(8, 2.0)), jax.random.key(2))
    assert result.cost == 2.0 and jnp.isfinite(result.trace).all()


def test_unknown_schedule():
    with pytest.raises(ValueError, match="got 'cubic', expected one of linear"):
        named_schedule("cubic")
