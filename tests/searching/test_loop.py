"""Both forms of the loop are the same search, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.searching import (
    advance,
    generation_keys,
    host_search,
    scan_search,
    start,
)
from qnas_jax.searching.loop import everything, incumbent

NUM_OPS, GENERATIONS = (4, 2, 4), 5


def evaluate(key, archs, fidelities=None):
    """Noise by the key, a failure now and then, less at a lower fidelity."""
    scores = archs @ jnp.array([1.0, 0.5, 0.3]) + jax.random.normal(key, (len(archs),))
    if fidelities is not None:
        scores += 10.0 * fidelities
    return archs, jnp.where(archs[:, 0] == 2, jnp.nan, scores)


def repaired(key, archs, *fidelities):
    """What is evaluated is not what was asked for."""
    archs = archs.at[:, 1].set(0)
    return evaluate(key, archs, *fidelities)


@pytest.mark.parametrize("name", ["qbit", "successive_halving"])
@pytest.mark.parametrize("score", [evaluate, repaired])
def test_the_host_loop_is_the_scan(name, score):
    strategy, key = made(name, NUM_OPS, 4, GENERATIONS), jax.random.key(3)

    def on_host(key, archs, *fidelities):
        assert isinstance(archs, np.ndarray)
        return map(np.asarray, score(key, jnp.asarray(archs), *fidelities))

    state, seen = scan_search(strategy, score, key, GENERATIONS, record=everything)
    steps = list(host_search(strategy, on_host, key, GENERATIONS))
    assert [step.number for step in steps] == list(range(GENERATIONS))
    for place, step in enumerate(steps):
        for one, all_ in zip(step.generation, seen, strict=True):
            assert isinstance(one, np.ndarray)
            np.testing.assert_allclose(one, all_[place], rtol=1e-6)
    for step, following in zip(steps, steps[1:], strict=False):
        assert step.after is following.before
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        steps[-1].after,
        state,
    )


def test_leaving_the_host_loop_ends_the_search():
    strategy, asked = made("random", NUM_OPS, 4), []

    def count(key, archs):
        asked.append(archs)
        return archs, archs.sum(axis=1)

    for step in host_search(strategy, count, jax.random.key(0), 50):
        if step.number == 2:
            break
    assert len(asked) == 3 and step.after.generation == 3


def test_a_stopped_search_is_replayed_from_what_is_known():
    """The second time only new archs cost an evaluation, and the course is the same."""
    strategy, known, fresh = made("qudit", NUM_OPS, 4), {}, []

    def remembered(key, archs):
        del key
        for arch in map(tuple, archs.tolist()):
            if arch not in known:
                known[arch] = float(np.dot(arch, (1.0, 0.5, 0.3)))
                fresh.append(arch)
        return archs, np.array([known[tuple(arch)] for arch in archs.tolist()])

    def run(generations):
        steps = host_search(strategy, remembered, jax.random.key(1), generations)
        return [step.generation.archs for step in steps]

    first, count = run(3), len(fresh)
    again = run(6)
    np.testing.assert_array_equal(again[:3], first)
    assert len(fresh) == len(known) >= count


@pytest.mark.parametrize("name", ["qbit", "successive_halving"])
def test_a_search_goes_on_from_any_of_its_states(name):
    strategy, key = made(name, NUM_OPS, 4, GENERATIONS), jax.random.key(3)

    def score(key, archs, *fidelities):
        return map(np.asarray, evaluate(key, jnp.asarray(archs), *fidelities))

    steps = list(host_search(strategy, score, key, GENERATIONS))
    state = jax.tree.map(np.asarray, steps[1].after)  # as it comes out of a file
    later = list(host_search(strategy, score, key, GENERATIONS, state))
    assert [step.number for step in later] == [2, 3, 4]
    for one, other in zip(steps[2:], later, strict=True):
        jax.tree.map(np.testing.assert_array_equal, one.generation, other.generation)
    jax.tree.map(np.testing.assert_array_equal, steps[-1].after, later[-1].after)


def test_a_record_sees_the_state_after_its_generation():
    strategy, key = made("random", NUM_OPS, 4), jax.random.key(4)

    def both(state, generation):
        return state.generation, incumbent(state, generation), generation.scores

    def score(_, archs):
        return archs, archs.sum(axis=1)

    state, (number, (archs, best), scores) = scan_search(
        strategy, score, key, 4, record=both
    )
    np.testing.assert_array_equal(number, [1, 2, 3, 4])
    np.testing.assert_array_equal(best, np.maximum.accumulate(scores.max(axis=1)))
    np.testing.assert_array_equal(archs[-1], state.best_arch)
    _, trace = scan_search(strategy, score, key, 4)
    np.testing.assert_array_equal(trace.best, best)


def coarse(_, archs):
    """Many archs have the same score."""
    return archs, (archs.sum(axis=1) // 4).astype(np.float32)


def loss(archs):
    return (np.asarray(archs) @ np.array([7, 3, 11]) % 13).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_of_equal_scores_the_lower_loss_is_the_best(seed):
    """Over all generations; archs are proposed as without ties."""
    strategy, key = made("random", NUM_OPS, 4), jax.random.key(seed)
    asked = []

    def ties(archs, fidelities):
        asked.append(fidelities)
        return -loss(archs)

    steps = list(host_search(strategy, coarse, key, 6, ties=ties))
    archs = np.concatenate([step.generation.archs for step in steps])
    _, scores = coarse(None, archs)
    place = np.lexsort((np.arange(len(archs)), loss(archs), -scores))[0]
    np.testing.assert_array_equal(steps[-1].after.best_arch, archs[place])
    assert asked == [None] * 6  # a strategy without fidelities
    plain = list(host_search(strategy, coarse, key, 6))
    first = archs[np.argmax(scores)]
    np.testing.assert_array_equal(plain[-1].after.best_arch, first)
    again = np.concatenate([step.generation.archs for step in plain])
    np.testing.assert_array_equal(again, archs)


def test_ties_do_not_revive_failures():
    strategy = made("random", NUM_OPS, 2)
    archs = jnp.array([[0, 0, 0], [1, 1, 1]])
    state = start(strategy, jax.random.key(0))
    state = advance(strategy, state, archs, jnp.full(2, jnp.nan), jnp.array([9.0, 8.0]))
    assert state.best_score == -np.inf and state.best_tie == -np.inf
    # A score whose tie is not known is a score.
    scores, ties = jnp.array([jnp.nan, 0.5]), jnp.array([9.0, jnp.nan])
    state = advance(strategy, state, archs, scores, ties)
    assert state.best_score == 0.5
    np.testing.assert_array_equal(state.best_arch, [1, 1, 1])
    state = advance(strategy, state, archs, jnp.array([0.5, 0.4]), jnp.array([-3.0, 9]))
    np.testing.assert_array_equal(state.best_arch, [0, 0, 0])


def test_keys_are_those_of_the_generation_and_no_other():
    key = jax.random.key(5)
    every = [generation_keys(key, number) for number in range(20)]
    data = [
        np.asarray(jax.random.key_data(each)).tobytes()
        for pair in every
        for each in pair
    ]
    assert len(set(data)) == 40
    again = jax.jit(generation_keys)(key, jnp.int32(7))
    for one, other in zip(again, every[7], strict=True):
        np.testing.assert_array_equal(
            jax.random.key_data(one), jax.random.key_data(other)
        )
