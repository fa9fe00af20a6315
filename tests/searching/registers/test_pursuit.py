"""Pursuits: by hand, and against a loop over the evaluations."""

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.registers.pursuit import (
    after_evaluations,
    first_pursuit,
    is_guided,
)


def test_by_hand():
    """Patience 2: 3 stays the guide's score, then 1 is the next guide's."""
    pursuit, seen = first_pursuit(1), []
    for count, score in enumerate([3.0, 3.0, 2.0, 1.0], start=1):
        archs, scores = jnp.array([[count]]), jnp.array([score])
        pursuit = after_evaluations(
            pursuit, archs, scores, jnp.int32(count), patience=2
        )
        seen.append(
            (int(pursuit.guide[0]), float(pursuit.guide_score), int(pursuit.start))
        )
    assert seen == [(1, 3.0, 0), (1, 3.0, 0), (1, -np.inf, 3), (4, 1.0, 3)]


def test_the_guide_waits_for_the_initial_evaluations_and_for_a_score():
    pursuit = first_pursuit(2)
    assert not is_guided(pursuit, jnp.int32(9), initial=3)
    archs = jnp.array([[0, 1]])
    pursuit = after_evaluations(pursuit, archs, jnp.ones(1), jnp.int32(1), patience=9)
    guided = [bool(is_guided(pursuit, jnp.int32(n), initial=3)) for n in range(1, 5)]
    assert guided == [False, False, True, True]


@pytest.mark.parametrize("population", [1, 3])
def test_equals_a_loop(population):
    rng = np.random.default_rng(population)
    pursuit, count, pursuits = first_pursuit(2), 0, 1
    guide, best, start, improved = [0, 0], -np.inf, 0, 0
    for _ in range(60):
        archs = rng.integers(0, 9, (population, 2)).astype(np.int32)
        scores = rng.integers(0, 40, population).astype(np.float32)
        scores[rng.random(population) < 0.2] = -np.inf
        count += population
        if max(scores) > best:
            guide = archs[list(scores).index(max(scores))]
            best, improved = max(scores), count
        if count - max(improved, start) >= 7:
            best, start, pursuits = -np.inf, count, pursuits + 1
        pursuit = after_evaluations(
            pursuit, jnp.asarray(archs), jnp.asarray(scores), count, patience=7
        )
        np.testing.assert_array_equal(pursuit.guide, guide)
        assert pursuit.guide_score == best
        assert (pursuit.start, pursuit.improved) == (start, improved)
    assert pursuits >= 4
