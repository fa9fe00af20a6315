"""Searches by amplitude amplification: success, counted calls, the square-root law."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise import Diagonal
from qnas_jax.optimise.grover import (
    GroverOptions,
    durr_hoyer_calls,
    grover,
    minimise_table,
    search_known,
    search_unknown,
)

ITEMS = 15_625


def marks(num_marked, num_items=ITEMS, seed=0):
    marked = np.zeros(num_items, bool)
    marked[np.random.default_rng(seed).permutation(num_items)[:num_marked]] = True
    return jnp.asarray(marked)


@jax.jit
def unknown(marked, keys):
    return jax.vmap(lambda key: search_unknown(marked, key))(keys)


@jax.jit
def known(marked, num_marked, keys):
    return jax.vmap(lambda key: search_known(marked, key, num_marked=num_marked))(keys)


@jax.jit
def minima(costs, keys):
    return jax.vmap(lambda key: minimise_table(costs, key))(keys)


@pytest.mark.parametrize(("num_marked", "calls"), [(1, 99), (157, 8)])
def test_known_number(num_marked, calls):
    marked = marks(num_marked)
    keys = jax.random.split(jax.random.key(0), 500)
    found = known(marked, num_marked, keys)
    np.testing.assert_array_equal(found.is_marked, marked[found.item])
    assert found.is_marked.all()
    attempts = found.oracle_calls / calls
    np.testing.assert_array_equal(attempts, jnp.round(attempts))
    # One attempt fails with probability 3e-5 and 0.0042.
    assert 1.0 <= attempts.mean() < 1.02


def test_a_single_attempt_fails_as_often_as_it_should():
    """N = 5, M = 2 has success sin^2(3 asin(sqrt(0.4))) = 0.784 by hand after j = 1."""
    keys = jax.random.split(jax.random.key(1), 4000)
    found = jax.vmap(
        lambda key: search_known(marks(2, 5), key, num_marked=1, attempts=1)
    )(keys)
    assert (found.oracle_calls == 2).all()
    assert found.is_marked.mean() == pytest.approx(0.784, abs=0.02)
    counts = np.bincount(found.item, minlength=5) / 4000
    want = np.where(marks(2, 5), 0.784 / 2, 0.216 / 3)
    np.testing.assert_allclose(counts, want, atol=0.025)


def test_unknown_number_follows_the_square_root_law():
    numbers = np.array([1, 4, 16, 64, 256])
    keys = jax.random.split(jax.random.key(2), 400)
    means = []
    for num_marked in numbers:
        found = unknown(marks(num_marked), keys)
        assert found.is_marked.mean() > 0.99
        np.testing.assert_array_equal(found.is_marked, marks(num_marked)[found.item])
        means.append(float(found.oracle_calls.mean()))
    bound = 4.5 * np.sqrt(ITEMS / numbers)
    assert (np.asarray(means) < bound).all()
    slope = np.polyfit(np.log(ITEMS / numbers), np.log(means), 1)[0]
    assert slope == pytest.approx(0.5, abs=0.05)


def test_unknown_number_gives_up_when_nothing_is_marked():
    found = search_unknown(marks(0, 100), jax.random.key(0))
    assert not found.is_marked and found.oracle_calls == 225
    found = search_unknown(marks(0, 100), jax.random.key(0), oracle_calls=17)
    assert found.oracle_calls == 17


def test_everything_marked_takes_one_look():
    found = search_unknown(marks(9, 9), jax.random.key(0))
    assert found.is_marked and found.oracle_calls == 1


def test_minimum_of_a_table():
    costs = jax.random.normal(jax.random.key(3), (ITEMS,))
    keys = jax.random.split(jax.random.key(4), 200)
    found = minima(costs, keys)
    best = int(np.argmin(costs))
    # The paper promises one half.
    assert (found.item == best).mean() > 0.95
    np.testing.assert_array_equal(found.cost, costs[found.item])
    np.testing.assert_array_equal(found.sample_costs, costs[found.samples])
    assert (jnp.diff(found.trace, axis=1) <= 0).all()
    assert (jnp.diff(found.calls, axis=1) >= 0).all()
    assert (found.calls[:, -1] == durr_hoyer_calls(ITEMS)).all()
    # Best so far is the lowest measured, once something better than the start was.
    lowest = jnp.minimum.accumulate(found.sample_costs, axis=1)
    np.testing.assert_array_equal(jnp.minimum(found.trace, lowest), found.trace)
    hits = np.asarray(found.trace == costs[best])
    first = np.asarray(found.calls)[np.arange(200), hits.argmax(axis=1)]
    # Durr and Hoyer: at most 22.5 sqrt(N) = 2812 expected; a scan needs N / 2.
    assert first[hits.any(axis=1)].mean() < 600


def test_the_budget_of_the_paper():
    # 22.5 * 125 = 2812.5; 1.4 * log2(15625)^2 = 1.4 * 13.9316^2 = 271.7.
    assert durr_hoyer_calls(ITEMS) == 3085
    assert durr_hoyer_calls(1) == 23


def test_a_small_budget_is_kept():
    options = GroverOptions(oracle_calls=40, measurements=100)
    costs = jax.random.normal(jax.random.key(5), (1000,))
    found = minimise_table(costs, jax.random.key(6), options=options)
    assert found.calls[-1] == 40


def test_infinite_costs_are_never_chosen():
    costs = jnp.full(64, jnp.inf).at[jnp.array([5, 17])].set(jnp.array([2.0, 1.0]))
    keys = jax.random.split(jax.random.key(7), 50)
    assert (minima(costs, keys).item == 17).all()


def test_ties_and_single_items():
    keys = jax.random.split(jax.random.key(7), 50)
    assert (minima(jnp.zeros(64), keys).cost == 0).all()
    assert minimise_table(jnp.ones(1), jax.random.key(0)).item == 0


def test_as_an_optimiser_over_bits():
    values = jax.random.normal(jax.random.key(8), (3, 256))
    run = jax.jit(jax.vmap(grover))
    result = run(Diagonal(values), jax.random.split(jax.random.key(9), 3))
    np.testing.assert_array_equal(result.cost, values.min(axis=1))
    indices = np.asarray(result.levels, int) @ 2 ** np.arange(8)[::-1]
    np.testing.assert_array_equal(indices, values.argmin(axis=1))
    assert result.levels.dtype == jnp.int32 and result.samples.shape == (3, 512, 8)
    assert result.evaluations.dtype == jnp.int32


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="costs: got shape"):
        minimise_table(jnp.zeros((2, 2)), jax.random.key(0))
    with pytest.raises(ValueError, match="num_marked: got 0 of 4 items"):
        search_known(marks(1, 4), jax.random.key(0), num_marked=0)
    with pytest.raises(ValueError, match="growth: got 2"):
        search_unknown(marks(1, 4), jax.random.key(0), growth=2)
    with pytest.raises(ValueError, match="oracle_calls: got -1"):
        search_unknown(marks(1, 4), jax.random.key(0), oracle_calls=-1)
    with pytest.raises(ValueError, match="marked: got shape"):
        search_unknown(jnp.zeros(0, bool), jax.random.key(0))


def test_every_look_is_a_call():
    """One for the random start; the first measurement is of no iteration, and looks."""
    costs = jnp.arange(8.0)
    for seed in range(3):
        options = GroverOptions(measurements=3)
        found = minimise_table(costs, jax.random.key(seed), options=options)
        assert int(found.calls[0]) == 2
        assert (jnp.diff(found.calls) >= 1).all()
