"""Adaptive angles: numbers by hand, and plain NumPy ones."""

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.options import OptionError
from qnas_jax.searching.registers.angles import (
    ANGLE_RULES,
    adaptive_angle,
    relative_gap,
)
from qnas_jax.searching.registers.guides import Guides
from qnas_jax.searching.registers.variations import VariationOptions


def guides(scores, generation=0):
    scores = jnp.asarray(scores, jnp.float32)
    archs = jnp.zeros((len(scores), 3), jnp.int32)
    return Guides(archs, scores, jnp.int32(generation))


def test_a_constant_angle_is_whole():
    share = adaptive_angle().share(guides([1.0]), jnp.zeros(1), jnp.zeros((2, 1, 3)))
    np.testing.assert_array_equal(share, np.ones((2, 1, 3)))


@pytest.mark.parametrize(
    ("generation", "expected"), [(0, 1.0), (5, 0.6), (10, 0.2), (99, 0.2)]
)
def test_falling_by_hand(generation, expected):
    """Eleven generations, from 1 to 0.2."""
    rule = adaptive_angle("falling", 0.2, 11)
    share = rule.share(guides([1.0], generation), jnp.zeros(1), jnp.zeros((1, 3)))
    np.testing.assert_allclose(share, np.full((1, 3), expected), rtol=1e-6)


def test_gap_by_hand():
    """The guide has 5 and the worst 1: a score of 4 is a quarter of the way behind."""
    scores = jnp.array([5.0, 4.0, 1.0, 7.0, -jnp.inf])
    rule = adaptive_angle("gap", 0.2)
    share = rule.share(guides([5.0] * 5), scores, jnp.zeros((5, 2)))
    expected = np.array([0.2, 0.4, 1.0, 0.2, 1.0])
    np.testing.assert_allclose(share, np.tile(expected[:, None], 2), rtol=1e-6)


def test_distance_by_hand():
    rule = adaptive_angle("distance", 0.5)
    share = rule.share(guides([1.0]), jnp.zeros(1), jnp.array([[0.0, 0.5, 1.0]]))
    np.testing.assert_allclose(share, [[0.5, 0.75, 1.0]], rtol=1e-6)


def test_relative_gaps_equal_a_loop():
    rng = np.random.default_rng(0)
    for _ in range(20):
        own, of_guides = rng.normal(size=6), rng.normal(size=6)
        own[rng.random(6) < 0.2] = -np.inf
        of_guides[rng.random(6) < 0.2] = -np.inf
        finite = own[np.isfinite(own)]
        expected = []
        for score, guide in zip(own, of_guides, strict=True):
            if not np.isfinite(score) or not np.isfinite(guide):
                expected.append(1.0)
            elif score >= guide:
                expected.append(0.0)
            else:
                expected.append((guide - score) / (guide - finite.min()))
        found = relative_gap(jnp.asarray(of_guides), jnp.asarray(own))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("rule", ANGLE_RULES)
def test_equal_scores_and_failures_give_finite_shares(rule):
    for scores in ([2.0, 2.0], [-np.inf, -np.inf], [2.0, -np.inf]):
        adaptive = adaptive_angle(rule, 0.1, 1)
        found = adaptive.share(
            guides([2.0, -np.inf], 3), jnp.asarray(scores), jnp.full((2, 4), 0.3)
        )
        assert found.shape == (2, 4)
        assert np.all((found >= 0.1 - 1e-6) & (found <= 1))


def test_bad_rules_are_named():
    with pytest.raises(OptionError, match="angle_rule: got 'rising'.*constant, falli"):
        VariationOptions(angle_rule="rising")
    with pytest.raises(OptionError, match="least_angle: got 0"):
        VariationOptions(least_angle=0)
