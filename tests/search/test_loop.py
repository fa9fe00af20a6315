"""Both forms of the loop are the same search, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.search import host_search, scan_search
from qnas_jax.search.loop import everything, incumbent

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
