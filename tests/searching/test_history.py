"""The buffer of evaluations."""

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.history import among, empty_history, record, scored


def test_rows_are_kept_in_order_and_the_oldest_give_way():
    history = empty_history(3, 2)
    for number in range(2):
        archs = jnp.array([[number, 0], [number, 1]])
        history = record(history, archs, jnp.array([number, -jnp.inf]))
    np.testing.assert_array_equal(history.archs, [[1, 1], [0, 1], [1, 0]])
    np.testing.assert_array_equal(scored(history), [False, False, True])
    assert history.count == 4


def test_an_empty_history_knows_nothing():
    history = empty_history(4, 2)
    assert not scored(history).any()
    assert not among(jnp.array([[0, 0]]), history.archs).any()


def test_among_compares_whole_archs():
    known = jnp.array([[0, 1], [2, 2], [-1, -1]])
    asked = jnp.array([[0, 1], [1, 0], [2, 2], [0, 2]])
    np.testing.assert_array_equal(among(asked, known), [True, False, True, False])


def test_capacity_is_checked():
    with pytest.raises(ValueError, match="capacity: got 0, expected at least 1"):
        empty_history(0, 2)
