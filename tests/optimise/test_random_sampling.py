"""Random assignments: uniform, and the lowest are kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.optimise import OPTIMISERS, Diagonal
from qnas_jax.optimise.random_sampling import RandomSamplingOptions

COSTS = np.random.default_rng(0).permutation(24).astype(np.float32)
PROBLEM = Diagonal(jnp.asarray(COSTS), (3, 2, 4))


def test_all_assignments_are_drawn_equally_often():
    options = RandomSamplingOptions(draws=24_000, keep=24_000)
    found = OPTIMISERS["random_sampling"](PROBLEM, jax.random.key(0), options)
    _, counts = np.unique(found.samples, axis=0, return_counts=True)
    assert len(counts) == 24
    assert (np.abs(counts - 1000) < 5 * np.sqrt(1000)).all()


def test_the_lowest_are_kept_and_the_trace_is_the_best_so_far():
    options = RandomSamplingOptions(draws=9, keep=4)
    found = OPTIMISERS["random_sampling"](PROBLEM, jax.random.key(1), options)
    drawn = OPTIMISERS["random_sampling"](
        PROBLEM, jax.random.key(1), RandomSamplingOptions(draws=9, keep=9)
    )
    np.testing.assert_array_equal(found.samples, drawn.samples[:4])
    np.testing.assert_array_equal(
        found.sample_costs, COSTS.reshape(3, 2, 4)[tuple(np.asarray(found.samples).T)]
    )
    assert found.trace.shape == (9,) and (np.diff(found.trace) <= 0).all()
    assert found.trace[-1] == found.cost == np.sort(drawn.sample_costs)[0]
    assert found.evaluations == 9


def test_more_cannot_be_kept_than_are_drawn():
    with pytest.raises(UserError, match="keep: got 5"):
        RandomSamplingOptions(draws=4, keep=5)
