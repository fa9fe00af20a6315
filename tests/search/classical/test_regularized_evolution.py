"""Tournament, mutation and ageing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.search.classical.regularized_evolution import (
    mutate,
    mutated_probabilities,
    regularized_evolution,
)

NUM_OPS = (4, 1, 3)


def test_a_mutation_changes_one_layer_uniformly():
    arch = jnp.array([2, 0, 1])
    keys = jax.random.split(jax.random.key(0), 20_000)
    children = np.asarray(jax.vmap(lambda key: mutate(key, arch, NUM_OPS))(keys))
    assert np.all((children != arch[None]).sum(axis=1) == 1)
    assert np.all(children < np.array(NUM_OPS)[None])
    one_hot = np.eye(4)[children].mean(axis=0)
    # Half of the mutations fall on each layer that has other ops.
    expected = [[1 / 6, 1 / 6, 0.5, 1 / 6], [1, 0, 0, 0], [0.25, 0.5, 0.25, 0]]
    np.testing.assert_allclose(one_hot, expected, atol=0.015)
    ours = mutated_probabilities(jax.nn.one_hot(arch, 4), NUM_OPS)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_a_space_of_one_arch_has_no_mutants():
    arch = jnp.zeros(2, jnp.int32)
    np.testing.assert_array_equal(mutate(jax.random.key(0), arch, (1, 1)), arch)


def test_the_oldest_die_and_failures_are_not_born():
    strategy = regularized_evolution((9, 9), population=2, parents=3, tournament=2)
    state = strategy.init(jax.random.key(0))
    for born, scores in enumerate([[1.0, -jnp.inf], [2.0, 3.0], [-jnp.inf, 4.0]]):
        archs = jnp.array([[born, 0], [born, 1]])
        state = strategy.tell(state, archs, jnp.array(scores))
    assert state.born == 4
    np.testing.assert_array_equal(state.scores, [4.0, 2.0, 3.0])
    np.testing.assert_array_equal(state.archs, [[2, 1], [1, 0], [1, 1]])


def test_large_tournaments_choose_the_best():
    strategy = regularized_evolution((9, 9), population=3, parents=3, tournament=60)
    state = strategy.init(jax.random.key(0))
    archs = jnp.array([[1, 1], [5, 6], [3, 3]])
    state = strategy.tell(state, archs, jnp.array([0.1, 0.9, 0.3]))
    children = strategy.ask(jax.random.key(1), state)
    assert np.all((children != archs[1][None]).sum(axis=1) == 1)


def test_parents_are_at_least_the_population():
    with pytest.raises(ValueError, match="parents: got 4, expected at least the popul"):
        regularized_evolution(NUM_OPS, population=5, parents=4, tournament=2)
