"""Many searches at once are the single ones."""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching import scan_search
from qnas_jax.searching.loop import everything, incumbent
from qnas_jax.searching.many import (
    as_argument,
    compiled_searches,
    search_seeds,
    search_settings,
    stack_strategies,
)

GENERATIONS = 4


def evaluate(key, archs):
    del key
    return archs, archs @ jnp.asarray([1.0, 0.3, 0.1])


@pytest.fixture(scope="module")
def strategy():
    return made("qudit", (3, 2, 4), population=5)


@pytest.fixture(scope="module")
def single_searches(strategy):
    """State and trace of seven searches, one after the other."""
    keys = jax.random.split(jax.random.key(0), 7)
    search = jax.jit(lambda key: scan_search(strategy, evaluate, key, GENERATIONS))
    return keys, [search(key) for key in keys]


@pytest.mark.parametrize("seeds_at_once", [1, 3, 7, 50])
def test_every_seed_is_a_single_search_whatever_the_chunks(
    strategy, single_searches, seeds_at_once
):
    keys, singles = single_searches
    archs, scores = search_seeds(
        strategy,
        evaluate,
        keys,
        GENERATIONS,
        record=incumbent,
        seeds_at_once=seeds_at_once,
    )
    assert archs.shape == (7, GENERATIONS, 3)
    for seed, (state, trace) in enumerate(singles):
        np.testing.assert_array_equal(archs[seed, -1], state.best_arch)
        np.testing.assert_allclose(scores[seed], trace.best, rtol=1e-6)


def test_everything_holds_all_evaluations(strategy):
    keys = jax.random.split(jax.random.key(1), 2)
    seen = search_seeds(strategy, evaluate, keys, GENERATIONS)
    assert seen.archs.shape == (2, GENERATIONS, 5, 3)
    _, expected = evaluate(None, seen.archs)
    np.testing.assert_allclose(seen.scores, expected, rtol=1e-6)
    np.testing.assert_array_equal(seen.fidelities, 0)


def test_no_seed_is_an_error(strategy):
    with pytest.raises(ValueError, match="keys: got none"):
        search_seeds(strategy, evaluate, jax.random.split(jax.random.key(0), 0), 1)


def test_tables_of_one_shape_share_a_program(strategy):
    """The second table is not compiled again, and gets its own scores."""
    keys = jax.random.split(jax.random.key(2), 2)
    program = compiled_searches(GENERATIONS, incumbent)
    before, best = program._cache_size(), []
    for sign in (1.0, -1.0):
        table = jax.tree_util.Partial(lookup, sign * jnp.arange(3.0))
        seen = search_seeds(strategy, table, keys, GENERATIONS, record=incumbent)
        best.append(seen[1][:, -1].max())
        np.testing.assert_array_equal(
            lookup(sign * jnp.arange(3.0), 0, seen[0])[1], seen[1]
        )
    assert best[0] > 0 >= best[1]
    assert program._cache_size() == before + 1


def lookup(values, key, archs):
    del key
    return archs, values[archs[..., 0]]


SETTINGS = [
    {"angle": 0.05},
    {"angle": 0.3, "epsilon": 0.02},
    {"angle": 0.3, "least_angle": 0.5},
]


@pytest.mark.parametrize(("name", "searches_at_once"), [("qudit", 4), ("qbit", 50)])
def test_settings_at_once_are_the_single_ones(name, searches_at_once):
    """Bit for bit, and all of them are one program."""
    adaptive = {"angle_rule": "gap"}
    strategies = [made(name, (3, 2, 4), 5, **adaptive, **one) for one in SETTINGS]
    keys = jax.random.split(jax.random.key(3), 3)
    program = compiled_searches(GENERATIONS, everything, stacked=True)
    before = program._cache_size()
    found = search_settings(
        strategies, evaluate, keys, GENERATIONS, searches_at_once=searches_at_once
    )
    assert program._cache_size() == before + 1
    assert found.archs.shape == (3, 3, GENERATIONS, 5, 3)
    for place, strategy in enumerate(strategies):
        single = search_seeds(strategy, evaluate, keys, GENERATIONS)
        np.testing.assert_array_equal(found.archs[place], single.archs)
        np.testing.assert_array_equal(found.scores[place], single.scores)
    assert not np.array_equal(found.archs[0], found.archs[1])


def test_strategies_of_other_numbers_share_the_program_of_seeds():
    keys = jax.random.split(jax.random.key(4), 2)
    program = compiled_searches(GENERATIONS, everything)
    for angle in (0.1, 0.2, 0.3):
        strategy = made("qudit", (3, 2, 4), 7, angle=angle)
        search_seeds(strategy, lookup_first, keys, GENERATIONS)
        if angle == 0.1:
            size = program._cache_size()
    assert program._cache_size() == size


def lookup_first(key, archs):
    return lookup(jnp.arange(3.0), key, archs)


def test_only_strategies_of_one_form_are_stacked():
    one, other = made("qudit", (3, 2)), made("qudit", (3, 2), angle=0.3)
    stack = stack_strategies([one, other])
    assert stack.angle.shape == (2,) and stack.num_ops == (3, 2)
    with pytest.raises(ValueError, match="strategies: got 2 different forms"):
        stack_strategies([one, made("qudit", (3, 3))])
    with pytest.raises(ValueError, match="strategies: got none"):
        stack_strategies([])


@flax.struct.dataclass
class First:
    values: jax.Array

    def __call__(self, key, archs):
        return lookup(self.values, key, archs)


@flax.struct.dataclass
class Negated:
    values: jax.Array

    def __call__(self, key, archs):
        return lookup(-self.values, key, archs)


def test_evaluators_of_other_classes_never_share_a_program(strategy):
    arguments = [as_argument(kind(jnp.arange(3.0))) for kind in (First, Negated)]
    assert jax.tree.structure(arguments[0]) != jax.tree.structure(arguments[1])
    keys = jax.random.split(jax.random.key(2), 2)
    scores = [
        search_seeds(strategy, kind(jnp.arange(3.0)), keys, 1).scores
        for kind in (First, Negated)
    ]
    np.testing.assert_array_equal(scores[0], -scores[1])
