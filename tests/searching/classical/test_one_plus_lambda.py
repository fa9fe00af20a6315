"""(1 + lambda): what mutants look like, and who becomes the parent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching import STRATEGIES, make_strategy

NUM_OPS = (3, 1, 5, 2)


def make(layers=1.0, population=3):
    options = STRATEGIES["one_plus_lambda"].options(mutated_layers=layers)
    return make_strategy(
        "one_plus_lambda",
        NUM_OPS,
        population=population,
        generations=1,
        options=options,
    )


def parent_of(strategy, arch):
    archs = jnp.tile(jnp.asarray(arch)[None], (strategy.population, 1))
    state = strategy.init(jax.random.key(0))
    return strategy.tell(state, archs, jnp.ones(strategy.population))


def test_mutants_by_hand():
    strategy = make(layers=1.5)
    found = strategy.probabilities(parent_of(strategy, [2, 0, 1, 1]))
    # 1.5 of three open layers: each gets another op with probability a half.
    expected = np.zeros((4, 5))
    expected[0, :3] = [0.25, 0.25, 0.5]
    expected[1, 0] = 1
    expected[2] = [0.125, 0.5, 0.125, 0.125, 0.125]
    expected[3, :2] = [0.5, 0.5]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_as_many_layers_mutate_as_asked():
    strategy = make(population=4000)
    state = parent_of(strategy, [2, 0, 1, 1])
    archs = np.asarray(strategy.ask(jax.random.key(1), state))
    changed = (archs != [2, 0, 1, 1]).sum(axis=1)
    assert changed.mean() == pytest.approx(1.0, abs=0.05)
    assert (changed == 0).mean() == pytest.approx((2 / 3) ** 3, abs=0.03)


def test_the_best_takes_over_unless_it_is_worse():
    strategy = make()
    state = parent_of(strategy, [0, 0, 0, 0])
    archs = jnp.array([[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 4, 0]])
    worse = strategy.tell(state, archs, jnp.array([0.9, jnp.nan, 0.5]))
    np.testing.assert_array_equal(worse.arch, state.arch)
    equal = strategy.tell(state, archs, jnp.array([0.9, 1.0, 0.5]))
    np.testing.assert_array_equal(equal.arch, [2, 0, 0, 0])
    failed = strategy.tell(strategy.init(jax.random.key(0)), archs, jnp.full(3, np.nan))
    assert not np.isfinite(failed.score)
