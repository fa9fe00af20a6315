"""Flips against full costs, Boltzmann's distribution, optima by brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import Diagonal, Quadratic, qubo
from qnas_jax.optimise.walks.flips import flips_of
from qnas_jax.optimise.walks.simulated_annealing import (
    AnnealOptions,
    simulated_annealing,
    temperature_schedule,
)
from qnas_jax.optimise.walks.walk import move_scale


def all_bits(n):
    return np.array(list(itertools.product((0, 1), repeat=n)), np.int8)


def random_qubo(n, seed=0):
    return qubo(np.random.default_rng(seed).normal(size=(n, n)), constant=0.3)


def as_diagonal(form):
    return Diagonal(form.cost(all_bits(len(form.num_levels))))


@pytest.mark.parametrize("form", [random_qubo(7), as_diagonal(random_qubo(7))])
def test_flips_against_full_costs(form):
    flips = flips_of(form)
    walk = flips.start(flips.random(jax.random.key(0)))
    for place, accepted in [(3, True), (0, True), (3, False), (6, True), (3, True)]:
        flipped = jnp.abs(walk.levels[None] - jnp.eye(7))
        want = form.cost(flipped) - form.cost(walk.levels)
        np.testing.assert_allclose(flips.changes(walk), want, atol=1e-5)
        before = walk.levels
        change = flips.changes(walk)[place]
        walk = flips.make(walk, place, change, jnp.asarray(accepted))
        assert (walk.levels[place] != before[place]) == accepted
        assert walk.cost == pytest.approx(float(form.cost(walk.levels)), abs=1e-5)


@pytest.mark.parametrize("n", [5, 64, 150])
def test_sweeps_in_blocks_are_those_bit_by_bit(n):
    """The same decisions from full costs in float64, for three strings at once."""
    rng = np.random.default_rng(n)
    matrix, bits = rng.normal(size=(n, n)), rng.integers(0, 2, (3, n)).astype(float)
    limits = rng.exponential(2.0, (n, 3))
    flips = flips_of(qubo(matrix))
    walks = jax.vmap(flips.start)(jnp.float32(bits))

    @jax.jit
    def sweep(walks):
        return flips.sweep(
            walks, lambda place, changes, bits: changes <= jnp.float32(limits)[place]
        )

    found = sweep(walks)
    for place in range(n):
        flipped = bits.copy()
        flipped[:, place] = 1 - bits[:, place]
        costs = [np.einsum("pi,ij,pj->p", x, matrix, x) for x in (bits, flipped)]
        accepted = costs[1] - costs[0] <= limits[place]
        bits = np.where(accepted[:, None], flipped, bits)
    np.testing.assert_array_equal(found.levels, bits)
    anew = jax.vmap(flips.start)(found.levels)
    np.testing.assert_allclose(found.fields, anew.fields, atol=1e-3)
    np.testing.assert_allclose(found.cost, anew.cost, rtol=1e-4, atol=1e-3)


def test_scale_of_flips_by_hand():
    """Cost 3 x_0 + 4 x_1: changes of +-3 and +-4, whatever the string."""
    flips = flips_of(Quadratic(jnp.array([3.0, 4.0]), jnp.zeros((2, 2))))
    assert move_scale(flips, jax.random.key(0)) == pytest.approx(12.5**0.5)
    flat = flips_of(Quadratic(jnp.zeros(2), jnp.zeros((2, 2))))
    assert move_scale(flat, jax.random.key(0)) == 1.0


def test_sweeps_sample_boltzmann():
    form, temperature = random_qubo(5, seed=1), 1.5
    weights = np.exp(-np.asarray(form.cost(all_bits(5)), float) / temperature)
    want = weights / weights.sum()
    flips = flips_of(form)

    def chain(key):
        walk = flips.start(jnp.zeros(5))

        def sweep(walk, key):
            return flips.thermal_sweep(walk, temperature, key), None

        return jax.lax.scan(sweep, walk, jax.random.split(key, 60))[0].levels

    bits = jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(2), 8000))
    indices = np.asarray(bits, int) @ 2 ** np.arange(5)[::-1]
    got = np.bincount(indices, minlength=32) / 8000
    error = np.sqrt(want * (1 - want) / 8000)
    assert (np.abs(got - want) < 4.5 * error + 1e-3).all()


@pytest.mark.parametrize(
    ("schedule", "form"),
    [("geometric", random_qubo(14)), ("linear", as_diagonal(random_qubo(10)))],
    ids=["geometric, quadratic", "linear, diagonal"],
)
def test_finds_the_optimum(schedule, form):
    options = AnnealOptions(replicas=16, sweeps=60, schedule=schedule)
    keys = jax.random.split(jax.random.key(3), 4)
    run = jax.jit(jax.vmap(lambda key: simulated_annealing(form, key, options=options)))
    result = run(keys)
    lowest = form.cost(all_bits(len(form.num_levels))).min()
    np.testing.assert_allclose(result.cost, lowest, rtol=1e-5)
    np.testing.assert_allclose(form.cost(result.levels), result.cost, rtol=1e-6)
    np.testing.assert_allclose(
        form.cost(result.samples), result.sample_costs, rtol=1e-6
    )
    assert np.all(np.diff(result.trace, axis=1) <= 0)
    assert np.all(result.evaluations == 16 * (60 * len(form.num_levels) + 1))


def test_a_known_optimum_of_300_bits():
    """A ferromagnetic ring in a staggered gauge: the planted string is the optimum."""
    n = 300
    planted = np.random.default_rng(4).integers(0, 2, n)
    spins = 1 - 2 * planted
    matrix = np.zeros((n, n))
    for i in range(n):
        j = (i + 1) % n
        # -J s_i s_j over bits, and a field towards the planted string.
        sign = spins[i] * spins[j]
        matrix[i, j] -= 4 * sign
        matrix[i, i] += 2 * sign + 2 * 0.5 * spins[i]
        matrix[j, j] += 2 * sign
    result = jax.jit(simulated_annealing)(qubo(matrix), jax.random.key(5))
    np.testing.assert_array_equal(result.levels, planted)
    assert result.cost == pytest.approx(float(qubo(matrix).cost(planted)), rel=1e-5)


def test_schedules_by_hand():
    options = AnnealOptions(sweeps=3, hottest=4.0, coldest=1.0)
    np.testing.assert_allclose(temperature_schedule(options), [4, 2, 1], rtol=1e-6)
    options = AnnealOptions(sweeps=3, hottest=4.0, coldest=1.0, schedule="linear")
    np.testing.assert_allclose(temperature_schedule(options), [4, 2.5, 1], rtol=1e-6)
