"""Memory: what is known is left out."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from made_strategies import made

from qnas_jax.searching import scan_search
from qnas_jax.searching.history import empty_history, record
from qnas_jax.searching.registers.memory import (
    arch_codes,
    are_known,
    choose_unknown,
    first_of_each,
    first_unknown,
    known_codes,
)


def test_the_first_unknown_by_hand():
    """The second takes its third, since the first took what it saw second."""
    candidates = jnp.array([[[0], [1], [2]], [[0], [1], [3]], [[0], [0], [0]]])
    known = candidates[..., 0] == 0
    np.testing.assert_array_equal(first_unknown(candidates, known), [[1], [3], [0]])


def test_codes_by_hand():
    """Mixed radix, and -1 for no arch."""
    codes = arch_codes(jnp.array([[0, 0, 0], [1, 2, 1], [-1, -1, -1]]), (2, 3, 4))
    np.testing.assert_array_equal(codes, [0, 12 + 8 + 1, -1])


def test_codes_tell_archs_apart():
    space = np.array(list(itertools.product(range(3), range(4), range(2))))
    assert len(np.unique(arch_codes(jnp.asarray(space), (3, 4, 2)))) == 24
    rng = np.random.default_rng(0)
    large = np.unique(rng.integers(0, 16, (3000, 21)), axis=0)
    # Neighbours differ in one layer, which is what a hash may confuse.
    large[1::2] = large[::2]
    large[1::2, 5] = (large[::2, 5] + 1) % 16
    assert len(np.unique(arch_codes(jnp.asarray(large), (16,) * 21))) == 3000


def test_choices_equal_a_loop():
    rng = np.random.default_rng(0)
    choose = jax.jit(lambda archs, known: choose_unknown(archs, known, (3, 3)))
    for _ in range(10):
        candidates = rng.integers(0, 3, (4, 6, 2))
        old = rng.integers(0, 3, (3, 2))
        history = record(empty_history(5, 2), jnp.asarray(old), jnp.zeros(3))
        seen, expected = set(map(tuple, old)), []
        for own in candidates:
            free = [tuple(arch) for arch in own if tuple(arch) not in seen]
            expected.append(free[0] if free else tuple(own[0]))
            seen.add(expected[-1])
        found = choose(candidates, known_codes(history, (3, 3)))
        np.testing.assert_array_equal(found, expected)


def archs_of(observations):
    settings = {"epsilon": 0.05, "observations": observations}
    strategy = made("qudit", (3, 4, 3), 4, 15, **settings)
    seen = []

    def evaluate(key, archs):
        del key
        return archs, archs @ jnp.array([1.0, 0.5, 0.3])

    if observations == 1:
        asked, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
        state = strategy.init(jax.random.key(0))
        for key in jax.random.split(jax.random.key(1), 15):
            archs = asked(key, state)
            seen.append(archs)
            state = tell(state, *evaluate(key, archs))
        return np.concatenate(seen)
    search = jax.jit(lambda key: scan_search(strategy, evaluate, key, 15))
    state, _ = search(jax.random.key(1))
    return np.asarray(state.strategy_state.history.archs)


def test_with_memory_the_whole_space_is_seen():
    """36 archs in 60 evaluations; registers without memory show the best again."""
    assert len(np.unique(archs_of(64), axis=0)) == 36
    assert len(np.unique(archs_of(1), axis=0)) < 30


def test_the_first_of_equal_codes_and_codes_that_are_known():
    codes = jnp.array([7, 3, 7, -1, 3, 9], jnp.int32)
    assert first_of_each(codes).tolist() == [True, True, False, True, False, True]
    known = jnp.array([-1, 3, 8], jnp.int32)
    assert are_known(codes, known).tolist() == [False, True, False, True, True, False]
