"""Catastrophe: when it comes, what it leaves."""

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.registers.catastrophe import follow, no_progress, surviving
from qnas_jax.searching.registers.guides import Guides


def restarts(bests, patience):
    """Generations after which the registers start anew, for given best scores."""
    progress, found = no_progress(), []
    for generation, best in enumerate(bests):
        progress, over = follow(
            progress, jnp.array([best, -jnp.inf]), patience=patience
        )
        if over:
            found.append(generation)
    return found


def test_restarts_by_hand():
    """Two generations without a rise; ties are none, and waiting starts over."""
    assert restarts([1, 2, 2, 1, 0, 0, 3, 0, 3, 0], 2) == [3, 5, 8]
    assert restarts([1, 0, 2, 0, 3, 0], 2) == []


def test_restarts_equal_a_loop():
    rng = np.random.default_rng(0)
    for patience in (1, 3, 5):
        bests = rng.integers(0, 60, 80)
        expected, last = [], -1
        for generation in range(80):
            rose = generation == 0 or bests[generation] > bests[:generation].max()
            last = generation if rose else last
            if generation - last >= patience:
                expected.append(generation)
                last = generation
        assert restarts(bests, patience) == expected


def test_failures_are_no_progress():
    assert restarts([-np.inf] * 4, 2) == [1, 3]


@pytest.mark.parametrize("kept", ["all", "best"])
def test_what_survives(kept):
    before = Guides(jnp.eye(3, dtype=jnp.int32), jnp.array([1.0, 4.0, 2.0]), 7)
    after = surviving(before, kept)
    expected = [1, 4, 2] if kept == "all" else [-np.inf, 4, -np.inf]
    np.testing.assert_array_equal(after.scores, expected)
    np.testing.assert_array_equal(after.archs, before.archs)
    assert after.generation == 7
