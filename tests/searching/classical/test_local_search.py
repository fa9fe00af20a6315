"""The order of neighbours, the two kinds of improvement, restarts."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.options import OptionError
from qnas_jax.searching import generation_keys
from qnas_jax.searching.classical.local_search import LocalSearchOptions, neighbours_of

NUM_OPS = (3, 1, 2, 4)


def differences(archs, arch):
    return (np.asarray(archs) != np.asarray(arch)[None]).sum(axis=1)


def evaluate_all(strategy, score, generations, seed=0):
    """Runs one arch at a time; returns all archs, and the states they left."""
    key, archs, states = jax.random.key(seed), [], []
    state = strategy.init(key)
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    for generation in range(generations):
        arch = ask(generation_keys(key, generation)[0], state)
        state = tell(state, arch, score(np.asarray(arch)))
        archs.append(np.asarray(arch[0]))
        states.append(state)
    return np.stack(archs), states


def by_weights(archs):
    return jnp.asarray(archs @ np.array([1.0, 0, 0.3, 0.1]), jnp.float32)


def test_neighbours_differ_in_one_layer():
    arch = jnp.array([2, 0, 1, 0])
    ours = neighbours_of(arch, NUM_OPS)
    every = np.array(list(itertools.product(*(range(k) for k in NUM_OPS))))
    expected = every[differences(every, arch) == 1]
    assert sorted(map(tuple, np.asarray(ours))) == sorted(map(tuple, expected))


def test_best_looks_at_all_neighbours_first():
    strategy = made("local_search", NUM_OPS, 1, 40)
    archs, states = evaluate_all(strategy, by_weights, 8)
    assert np.all(differences(archs[1:7], archs[0]) == 1)
    assert len(np.unique(archs[:7], axis=0)) == 7
    scores = by_weights(archs[1:7])
    if scores.max() > by_weights(archs[:1])[0]:
        np.testing.assert_array_equal(states[6].arch, archs[1 + np.argmax(scores)])


def test_first_moves_at_once():
    strategy = made("local_search", NUM_OPS, 1, 40, improvement="first")
    archs, states = evaluate_all(strategy, by_weights, 10)
    place = archs[0]
    for arch, state in zip(archs[1:], states[1:], strict=True):
        if not np.isfinite(state.score):
            break
        if by_weights(arch[None])[0] > by_weights(place[None])[0]:
            place = arch
        np.testing.assert_array_equal(state.arch, place)


@pytest.mark.parametrize("improvement", ["best", "first"])
def test_known_archs_are_not_evaluated_again_before_a_restart(improvement):
    strategy = made("local_search", (6,) * 4, 1, 60, improvement=improvement)
    archs, states = evaluate_all(
        strategy, lambda a: jnp.asarray(a.sum(1), jnp.float32), 60
    )
    ended = [i for i, state in enumerate(states) if not np.isfinite(state.score)]
    last = ended[0] if ended else 60
    assert len(np.unique(archs[:last], axis=0)) == last
    if ended:
        np.testing.assert_array_equal(states[last - 1].arch, [5, 5, 5, 5])


def test_the_kind_of_improvement_is_checked():
    with pytest.raises(OptionError, match="improvement: got 'worst', allowed: one of"):
        LocalSearchOptions(improvement="worst")
