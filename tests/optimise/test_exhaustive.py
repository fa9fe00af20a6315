"""The lowest of all costs, against NumPy and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import Diagonal
from qnas_jax.optimise.exhaustive import EnumerationOptions, exhaustive, lowest_costs


def test_the_optimum_by_hand():
    result = exhaustive(Diagonal(jnp.array([3.0, 1.0, -2.0, 5.0])), jax.random.key(0))
    np.testing.assert_array_equal(result.levels, [1, 0])
    assert result.cost == -2.0 and result.evaluations == 4
    assert result.levels.dtype == jnp.int32


def test_samples_are_the_lowest_strings():
    values = np.random.default_rng(0).normal(size=32).astype(np.float32)
    options = EnumerationOptions(keep=5)
    result = exhaustive(Diagonal(jnp.asarray(values)), None, options=options)
    np.testing.assert_array_equal(result.sample_costs, np.sort(values)[:5])
    weights = 2 ** np.arange(5)[::-1]
    indices = np.asarray(result.samples, int) @ weights
    np.testing.assert_array_equal(indices, np.argsort(values)[:5])


def test_more_kept_than_there_are_strings():
    options = EnumerationOptions(keep=100)
    result = exhaustive(Diagonal(jnp.arange(4.0)), None, options=options)
    np.testing.assert_array_equal(result.sample_costs, [0, 1, 2, 3])


@pytest.mark.parametrize("keep", [1, 3])
def test_a_table_of_any_length(keep):
    costs = jnp.asarray([2.0, 0.5, 7.0, 0.5, 1.0])
    indices, lowest = lowest_costs(costs, keep)
    np.testing.assert_array_equal(indices, [1, 3, 4][:keep])
    np.testing.assert_array_equal(lowest, [0.5, 0.5, 1.0][:keep])
    with pytest.raises(ValueError, match="keep=6"):
        lowest_costs(costs, 6)


def test_stacked_problems_under_vmap():
    values = jax.random.normal(jax.random.key(1), (3, 16))
    costs = jax.vmap(lambda d: exhaustive(d, None).cost)(Diagonal(values))
    np.testing.assert_array_equal(costs, values.min(axis=1))
