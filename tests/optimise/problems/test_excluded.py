"""Assignments that may not be the answer."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import OPTIMISERS, Diagonal, Result
from qnas_jax.optimise.problems.excluded import keep_free, without
from qnas_jax.optimise.variational.qaoa import QaoaOptions

LEVELS = (3, 2, 4)
ALL = np.array(list(itertools.product(*map(range, LEVELS))))
VALUES = np.random.default_rng(0).normal(size=24).astype(np.float32)
PROBLEM = Diagonal(jnp.asarray(VALUES), LEVELS)


def test_excluded_assignments_cost_infinity():
    excluded = jnp.array([[2, 1, 3], [-1, -1, -1], [0, 1, 0]])
    costs = without(PROBLEM, excluded).table()
    wanted = VALUES.copy()
    wanted[[23, 4]] = np.inf
    np.testing.assert_array_equal(costs, wanted)


@pytest.mark.parametrize(
    ("excluded", "message"),
    [
        (np.zeros((2, 2), int), r"excluded: got shape \(2, 2\), expected \[M, 3\]"),
        (np.zeros(3, int), r"excluded: got shape \(3,\)"),
        (np.array([[2, 1, 4]]), "got 4 in some register"),
    ],
)
def test_what_is_no_assignment_is_refused(excluded, message):
    with pytest.raises(ValueError, match=message):
        without(PROBLEM, excluded)


def test_the_best_free_sample_is_kept():
    order = np.argsort(VALUES)
    result = Result(
        levels=jnp.asarray(ALL[order[0]]),
        cost=jnp.asarray(VALUES[order[0]]),
        samples=jnp.asarray(ALL[order[[5, 2, 1, 2]]]),
        sample_costs=jnp.asarray(VALUES[order[[5, 2, 1, 2]]]),
        trace=jnp.zeros(1),
        evaluations=jnp.int32(4),
    )
    nothing = jnp.full((2, 3), -1)
    for taken, best in [([], 0), ([0, 1], 2), ([0, 1, 2], 5), ([0, 1, 2, 5], 0)]:
        excluded = jnp.concatenate([nothing, jnp.asarray(ALL[order[taken]])])
        kept = keep_free(result, excluded)
        np.testing.assert_array_equal(kept.levels, ALL[order[best]])
        assert kept.cost == VALUES[order[best]]
        np.testing.assert_array_equal(kept.samples, result.samples)


COMPARING = [name for name, spec in OPTIMISERS.items() if spec.compares_only]


@pytest.mark.parametrize("name", COMPARING)
def test_searches_that_compare_find_the_best_of_the_rest(name):
    order = np.argsort(VALUES)
    run = jax.jit(
        lambda excluded: OPTIMISERS[name](PROBLEM, jax.random.key(0), excluded=excluded)
    )
    for count in (3, 23):
        excluded = np.full((24, 3), -1)
        excluded[:count] = ALL[order[:count]]
        found = run(jnp.asarray(excluded))
        np.testing.assert_array_equal(found.levels, ALL[order[count]])
        assert found.cost == VALUES[order[count]]


def test_of_samples_the_best_of_the_rest_is_the_answer():
    order = np.argsort(VALUES)
    options = QaoaOptions(layers=1, steps=0, shots=500)
    found = OPTIMISERS["qaoa"](
        PROBLEM, jax.random.key(0), options, excluded=jnp.asarray(ALL[order[:2]])
    )
    np.testing.assert_array_equal(found.levels, ALL[order[2]])
    assert found.cost == VALUES[order[2]]
