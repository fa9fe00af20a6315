"""Annealing and tabu search over registers, against looking at every choice."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise.problems.problem import Levels
from qnas_jax.optimise.walks.levels_walks import (
    AnnealLevelsOptions,
    _change,
    _changes,
    _couplings,
    _heat_bath_sweep,
    _start,
    anneal_levels,
    random_levels,
    tabu_levels,
)


def random_form(seed, num_levels):
    rng = np.random.default_rng(seed)
    layers, most = len(num_levels), max(num_levels)
    above = np.triu(np.ones((layers, layers)), k=1)[:, :, None, None]
    pairwise = rng.normal(size=(layers, layers, most, most)) * above
    return Levels(
        jnp.asarray(rng.normal(size=(layers, most)), jnp.float32),
        jnp.asarray(pairwise, jnp.float32),
        jnp.float32(0.7),
        num_levels,
    )


def costs_of(form, choices):
    """[S]: constant, unary and pairwise terms, one after the other."""
    unary, pairwise = np.asarray(form.unary), np.asarray(form.pairwise)
    costs = np.full(len(choices), float(form.constant))
    for a in range(choices.shape[1]):
        costs += unary[a, choices[:, a]]
        for b in range(a + 1, choices.shape[1]):
            costs += pairwise[a, b, choices[:, a], choices[:, b]]
    return costs


UNEVEN = (3, 2, 5, 1, 4)


@pytest.mark.parametrize("minimise", [anneal_levels, tabu_levels])
@pytest.mark.parametrize("num_levels", [UNEVEN, (4,) * 6, (3,), (1, 1)])
def test_finds_the_optimum_of_small_forms(minimise, num_levels):
    space = np.array(list(itertools.product(*map(range, num_levels))))
    for seed in range(3):
        form = random_form(seed, num_levels)
        found = jax.jit(minimise)(form, jax.random.key(seed))
        lowest = costs_of(form, space).min()
        np.testing.assert_allclose(found.costs.min(), lowest, rtol=1e-4)
        costs = costs_of(form, np.asarray(found.samples))
        np.testing.assert_allclose(found.costs, costs, rtol=1e-5, atol=1e-5)
        assert np.all(found.samples < np.asarray(num_levels)[None])


def test_changes_are_differences_of_costs():
    form = random_form(4, UNEVEN)
    levels = random_levels(jax.random.key(0), UNEVEN)
    couplings = _couplings(form)
    walk = _start(form, couplings, levels)
    # After a move the fields are those of a fresh start.
    moved = _change(couplings, walk, jnp.int32(2), jnp.int32(4))
    fresh = _start(form, couplings, levels.at[2].set(4))
    np.testing.assert_allclose(moved.fields, fresh.fields, atol=1e-5)
    for register, count in enumerate(UNEVEN):
        for level in range(count):
            other = fresh.levels.at[register].set(level)
            expected = form.cost_of_choices(other) - form.cost_of_choices(fresh.levels)
            got = _changes(fresh)[register, level]
            np.testing.assert_allclose(got, expected, atol=1e-5)
    assert np.isinf(_changes(fresh)[1, 2])


def test_heat_bath_draws_from_the_boltzmann_distribution():
    form, temperature = random_form(5, (3, 2)), 1.3
    couplings = _couplings(form)

    def chain(key):
        walk = _start(form, couplings, jnp.zeros(2, jnp.int32))
        keys = jax.random.split(key, 20)
        walk, _ = jax.lax.scan(
            lambda walk, key: (
                _heat_bath_sweep(couplings, walk, key, temperature),
                None,
            ),
            walk,
            keys,
        )
        return walk.levels

    ends = jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(1), 20_000))
    drawn = np.bincount(np.asarray(2 * ends[:, 0] + ends[:, 1]), minlength=6) / 20_000
    weights = np.exp(-np.asarray(form.table()) / temperature)
    np.testing.assert_allclose(drawn, weights / weights.sum(), atol=0.015)


def test_a_space_of_84_bits_is_solved_where_the_optimum_is_known():
    """A planted arch: it is the best op of each layer and of each pair."""
    num_levels = (16,) * 21
    planted = np.arange(21) % 16
    unary = np.zeros((21, 16), np.float32)
    unary[np.arange(21), planted] = -0.2
    pairwise = np.zeros((21, 21, 16, 16), np.float32)
    for a in range(21):
        for b in range(a + 1, 21):
            pairwise[a, b, planted[a], planted[b]] = -1.0
    form = Levels(jnp.asarray(unary), jnp.asarray(pairwise), 0.0, num_levels)
    options = AnnealLevelsOptions(replicas=16, sweeps=60)
    found = anneal_levels(form, jax.random.key(0), options=options)
    best = found.samples[found.costs.argmin()]
    np.testing.assert_array_equal(best, planted)


def test_evaluations_are_counted():
    form = random_form(6, (3, 2))
    found = anneal_levels(form, jax.random.key(0), options=AnnealLevelsOptions(2, 10))
    assert found.evaluations == 2 * 10 * 2 and found.samples.shape == (2, 2)
