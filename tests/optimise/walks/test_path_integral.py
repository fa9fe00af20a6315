"""Path integrals against exact quantum thermal averages, optima by brute force."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qnas_jax.optimise import Diagonal, ising, qubo
from qnas_jax.optimise.walks.flips import flips_of
from qnas_jax.optimise.walks.path_integral import (
    PathIntegralOptions,
    path_integral,
    path_integral_sweep,
    slice_coupling,
    start_slices,
)

N = 3


def all_bits(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.int8)


def random_qubo(n, seed=0):
    return qubo(np.random.default_rng(seed).normal(size=(n, n)))


def sum_of_x(n):
    x, one = np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    terms = [[x if i == j else one for j in range(n)] for i in range(n)]
    return sum(functools.reduce(np.kron, term) for term in terms)


def exact_chances(costs, field, temperature):
    """Diagonal of exp(-H / T) / Z."""
    hamiltonian = np.diag(costs) - field * sum_of_x(N)
    weights = np.diag(scipy.linalg.expm(-hamiltonian / temperature))
    return weights / weights.sum()


def sliced_chances(costs, field, temperature, slices):
    """The same of the product of P factors that the Monte Carlo samples exactly."""
    step = 1 / (slices * temperature)
    factor = np.diag(np.exp(-step * costs)) @ scipy.linalg.expm(
        step * field * sum_of_x(N)
    )
    weights = np.diag(np.linalg.matrix_power(factor, slices))
    return weights / weights.sum()


@functools.partial(jax.jit, static_argnames=("slices", "chains", "sweeps"))
def sampled_bits(form, key, field, temperature, slices, chains, sweeps):
    flips = flips_of(form)

    def chain(key):
        start_key, key = jax.random.split(key)
        walks = start_slices(flips, start_key, slices)

        def sweep(walks, key):
            return path_integral_sweep(flips, walks, field, temperature, key), None

        return jax.lax.scan(sweep, walks, jax.random.split(key, sweeps))[0].levels

    return jax.vmap(chain)(jax.random.split(key, chains))


@pytest.mark.parametrize(
    ("field", "temperature", "slices"), [(1.0, 0.5, 2), (0.7, 0.4, 16), (2.0, 1.0, 8)]
)
def test_thermal_averages(field, temperature, slices):
    form, chains = random_qubo(N), 4000
    costs = np.asarray(form.cost(all_bits(N)), float)
    want = sliced_chances(costs, field, temperature, slices)
    bits = sampled_bits(
        form, jax.random.key(0), field, temperature, slices, chains, sweeps=60
    )
    indices = np.asarray(bits, int) @ 2 ** np.arange(N)[::-1]
    # Slices of one chain are correlated: the error is that of the chains' means.
    shares = (indices[..., None] == np.arange(2**N)).mean(axis=1)
    got, error = shares.mean(axis=0), shares.std(axis=0) / chains**0.5
    assert (np.abs(got - want) < 4 * error + 1e-4).all()
    if slices >= 8:
        exact = exact_chances(costs, field, temperature)
        assert (np.abs(got - exact) < 4 * error + 0.01).all()
        assert got @ costs == pytest.approx(exact @ costs, abs=0.06)
        classical = exact_chances(costs, 0.0, temperature)
        assert np.abs(got - classical).max() > 0.05


def test_coupling_of_slices_by_hand():
    """P T = 2, G = 2 artanh(exp(-2)): tanh(G / (P T)) = exp(-2), so K = 1."""
    field = 2 * np.arctanh(np.exp(-2))
    assert slice_coupling(field, 0.5, 4) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("table", [False, True])
def test_finds_the_optimum(table):
    form = random_qubo(10, seed=1)
    costs = form.cost(all_bits(10))
    problem = Diagonal(costs) if table else form
    options = PathIntegralOptions(replicas=4, slices=8, sweeps=60)
    result = jax.jit(lambda p, k: path_integral(p, k, options=options))(
        problem, jax.random.key(2)
    )
    assert result.cost == pytest.approx(float(costs.min()), rel=1e-5)
    assert result.samples.shape == (32, 10) and result.samples.dtype == jnp.int32
    np.testing.assert_allclose(problem.cost(result.samples), result.sample_costs)
    assert result.cost <= result.sample_costs.min() + 1e-5
    assert (jnp.diff(result.trace) <= 0).all() and result.trace.shape == (60,)
    assert result.evaluations == 32 * (60 * 10 + 1)


def test_a_known_optimum_of_120_bits():
    """Planted string with pairs and a field that it satisfies all of."""
    rng = np.random.default_rng(3)
    spins = rng.choice([-1, 1], 120)
    couplings = np.triu(rng.random((120, 120)) * (rng.random((120, 120)) < 0.1), k=1)
    form = ising(-0.5 * spins, -couplings * np.outer(spins, spins))
    options = PathIntegralOptions(replicas=2, slices=8, sweeps=100)
    result = jax.jit(lambda p, k: path_integral(p, k, options=options))(
        form, jax.random.key(4)
    )
    np.testing.assert_array_equal(1 - 2 * result.levels, spins)


def test_slices_come_in_pairs():
    options = PathIntegralOptions(slices=5)
    with pytest.raises(ValueError, match="got 5, expected an even number"):
        path_integral(random_qubo(3), jax.random.key(0), options=options)
