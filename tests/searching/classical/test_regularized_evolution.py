"""Tournament and ageing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

NUM_OPS = (4, 1, 3)


def test_the_oldest_die_and_failures_are_not_born():
    strategy = made("regularized_evolution", (9, 9), 2, parents=3, tournament=2)
    state = strategy.init(jax.random.key(0))
    for born, scores in enumerate([[1.0, -jnp.inf], [2.0, 3.0], [-jnp.inf, 4.0]]):
        archs = jnp.array([[born, 0], [born, 1]])
        state = strategy.tell(state, archs, jnp.array(scores))
    assert state.born == 4
    np.testing.assert_array_equal(state.scores, [4.0, 2.0, 3.0])
    np.testing.assert_array_equal(state.archs, [[2, 1], [1, 0], [1, 1]])


def test_large_tournaments_choose_the_best():
    strategy = made("regularized_evolution", (9, 9), 3, parents=3, tournament=60)
    state = strategy.init(jax.random.key(0))
    archs = jnp.array([[1, 1], [5, 6], [3, 3]])
    state = strategy.tell(state, archs, jnp.array([0.1, 0.9, 0.3]))
    children = strategy.ask(jax.random.key(1), state)
    assert np.all((children != archs[1][None]).sum(axis=1) == 1)


def test_parents_are_at_least_the_population():
    with pytest.raises(ValueError, match="parents: got 4, expected at least the popul"):
        made("regularized_evolution", NUM_OPS, 5, parents=4, tournament=2)
