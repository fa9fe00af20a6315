"""Selection, crossover, mutation and elitism."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.classical.genetic_algorithm import (
    GeneticOptions,
    Survivors,
    cross,
    genetic_algorithm,
    mutate_layers,
    tournament_shares,
)
from qnas_jax.searching.mutation import with_other_ops

NUM_OPS = (4, 1, 3)


def make(population=4, tournament=2, **options):
    return genetic_algorithm(
        NUM_OPS,
        population=population,
        generations=1,
        options=GeneticOptions(tournament=tournament, **options),
    )


def test_shares_of_tournaments():
    # Of two draws among three the best wins 5 of 9 times.
    alive = jnp.array([True, True, True, False])
    found = tournament_shares(alive, 2)
    np.testing.assert_allclose(found, [5 / 9, 3 / 9, 1 / 9, 0], rtol=1e-6)
    draws = itertools.product(range(4), repeat=3)
    wins = np.bincount([min(draw) for draw in draws]) / 4**3
    np.testing.assert_allclose(tournament_shares(jnp.ones(4, bool), 3), wins, rtol=1e-5)


def test_crossover_takes_each_layer_from_either():
    first, second = jnp.array([0, 0, 0, 0]), jnp.array([1, 2, 3, 4])
    keys = jax.random.split(jax.random.key(0), 4000)
    cross_all = jax.vmap(lambda key: cross(key, first, second, rate=0.8))
    every = jax.jit(cross_all)(keys)
    assert np.all((every == first[None]) | (every == second[None]))
    taken = np.asarray(every) > 0
    # Half of the layers of 0.8 of the children; layers are independent given that.
    np.testing.assert_allclose(taken.mean(axis=0), 0.4, atol=0.03)
    both = np.mean(taken[:, 0] & taken[:, 1])
    assert both == pytest.approx(0.2, abs=0.03)
    none = cross(keys[0], first, second, rate=0.0)
    np.testing.assert_array_equal(none, first)


def test_mutations_have_their_rate():
    arch, chance = jnp.array([2, 0, 1]), jnp.array([0.5, 0.0, 0.2])
    keys = jax.random.split(jax.random.key(1), 20_000)
    mutate_all = jax.vmap(lambda key: mutate_layers(key, arch, chance, NUM_OPS))
    every = jax.jit(mutate_all)(keys)
    found = np.eye(4)[np.asarray(every)].mean(axis=0)
    expected = [[1 / 6, 1 / 6, 0.5, 1 / 6], [1, 0, 0, 0], [0.1, 0.8, 0.1, 0]]
    np.testing.assert_allclose(found, expected, atol=0.015)
    table = with_other_ops(jax.nn.one_hot(arch, 4), chance, NUM_OPS)
    np.testing.assert_allclose(table, expected, atol=1e-6)


def test_elites_compete_with_the_children():
    strategy = make(population=3, elites=1)
    state = Survivors(
        jnp.array([[3, 0, 2], [2, 0, 2], [1, 0, 2]]), jnp.array([0.9, 0.8, 0.7])
    )
    children = jnp.array([[0, 0, 0], [0, 0, 1], [1, 0, 0]])
    state = strategy.tell(state, children, jnp.array([0.1, 0.95, jnp.nan]))
    # The second and third survivor are no elites, and the failed child drops out.
    np.testing.assert_allclose(state.scores, [0.95, 0.9, 0.1])
    np.testing.assert_array_equal(state.archs, [[0, 0, 1], [3, 0, 2], [0, 0, 0]])


def test_failures_have_no_children():
    strategy = make(population=4, crossover=1.0, mutated_layers=0.0)
    state = strategy.init(jax.random.key(0))
    archs = jnp.array([[0, 0, 0], [3, 0, 1], [1, 0, 2], [3, 0, 2]])
    scores = jnp.array([jnp.nan, 0.2, -jnp.inf, 0.1])
    state = strategy.tell(state, archs, scores)
    ask = jax.jit(jax.vmap(strategy.ask, in_axes=(0, None)))
    children = ask(jax.random.split(jax.random.key(1), 50), state)
    assert np.all(children[..., 0] == 3) and np.all(children[..., 2] > 0)


def test_a_population_of_one_climbs():
    strategy = make(population=1, elites=3)
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    state, key, scores = strategy.init(jax.random.key(0)), jax.random.key(2), []
    for _ in range(15):
        key, ask_key = jax.random.split(key)
        arch = ask(ask_key, state)
        state = tell(state, arch, jnp.sum(arch, axis=1, dtype=jnp.float32))
        scores.append(float(state.scores[0]))
    assert scores == sorted(scores) and scores[-1] > scores[0]
