"""Rotation against numbers by hand and against the published signed tables."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.registers.rotation import (
    RULES,
    chance_of_one,
    open_angles,
    rotate,
    rotation_table,
)

# Rows of table 1 of Han & Kim 2000: own bit, best bit, own is better; the magnitude in
# pi; the sign for alpha beta > 0, alpha beta < 0, alpha = 0, beta = 0 (None: any).
TABLE_2000 = {
    (0, 0, 0): (0, (0, 0, 0, 0)),
    (0, 0, 1): (0, (0, 0, 0, 0)),
    (0, 1, 0): (0, (0, 0, 0, 0)),
    (0, 1, 1): (0.05, (-1, 1, None, 0)),
    (1, 0, 0): (0.01, (-1, 1, None, 0)),
    (1, 0, 1): (0.025, (1, -1, 0, None)),
    (1, 1, 0): (0.005, (1, -1, 0, None)),
    (1, 1, 1): (0.025, (1, -1, 0, None)),
}


def signed_turn(alpha, beta, case, random):
    """One Q-bit with signed amplitudes, as published: look up, then multiply by U."""
    magnitude, signs = TABLE_2000[case]
    if alpha * beta > 0:
        sign = signs[0]
    elif alpha * beta < 0:
        sign = signs[1]
    else:
        sign = signs[2] if alpha == 0 else signs[3]
    if sign is None:
        sign = random.choice([-1, 1])
    turn = sign * magnitude * math.pi
    return (
        alpha * math.cos(turn) - beta * math.sin(turn),
        alpha * math.sin(turn) + beta * math.cos(turn),
    )


def test_reflected_angles_equal_signed_amplitudes():
    """300 random turns of 40 Q-bits; many of them cross a pole."""
    rng = np.random.default_rng(0)
    table = jnp.asarray(rotation_table("han_kim_2000", 0.1), jnp.float32)
    cases = rng.integers(0, 2, (300, 40, 3))
    cases[:, :20] = cases[:, :20] & [0, 1, 1] | [0, 1, 1]  # These wander around 0.
    # From 45 degrees all turns would meet the pole exactly, up to rounding.
    angles = jnp.asarray(rng.uniform(0.5, 1.0, 40), jnp.float32)
    amplitudes = [(math.cos(a), math.sin(a)) for a in angles.tolist()]
    step = jax.jit(jax.vmap(lambda a, c: rotate(a, table[c[0], c[1], c[2]])))
    negative = 0
    for case in cases:
        angles = step(angles, jnp.asarray(case))
        amplitudes = [
            signed_turn(*pair, tuple(row.tolist()), rng)
            for pair, row in zip(amplitudes, case, strict=True)
        ]
        negative += sum(alpha * beta < 0 for alpha, beta in amplitudes)
        expected = [beta**2 for _, beta in amplitudes]
        np.testing.assert_allclose(jnp.sin(angles) ** 2, expected, atol=2e-4)
    assert negative > 100


def test_table_2000_agrees_with_the_published_one():
    table = rotation_table("han_kim_2000", 0.1)
    for case, (magnitude, signs) in TABLE_2000.items():
        np.testing.assert_allclose(table[case], magnitude * math.pi * signs[0])


def test_table_2002_turns_only_where_a_worse_individual_differs():
    table = rotation_table("han_kim_2002", 0.01 * math.pi)
    assert table[0, 1, 0] == 0.01 * math.pi
    assert table[1, 0, 0] == -0.01 * math.pi
    assert np.count_nonzero(table) == 2


def test_table_always_turns_to_the_guide():
    table = rotation_table("always", 0.2)
    np.testing.assert_array_equal(table[:, 1], 0.2)
    np.testing.assert_array_equal(table[:, 0], -0.2)


@pytest.mark.parametrize(
    ("angle", "turn", "expected"),
    [
        (math.pi / 4, 0.03 * math.pi, 0.28 * math.pi),
        (math.pi / 4, -0.25 * math.pi, 0.0),
        (0.01, -0.03, 0.02),
        (math.pi / 2 - 0.01, 0.03, math.pi / 2 - 0.02),
        (0.0, -0.3, 0.0),
        (0.0, 0.3, 0.3),
        (math.pi / 2, 0.3, math.pi / 2),
        (math.pi / 2, -0.3, math.pi / 2 - 0.3),
        (0.7, 0.0, 0.7),
    ],
)
def test_rotation_by_hand(angle, turn, expected):
    turned = rotate(jnp.float32(angle), jnp.float32(turn))
    np.testing.assert_allclose(turned, expected, atol=1e-6)


def test_a_third_of_a_right_angle_from_the_middle():
    """sin^2(45 + 30 degrees) = (2 + sqrt 3) / 4."""
    turned = rotate(jnp.float32(math.pi / 4), jnp.float32(math.pi / 6))
    np.testing.assert_allclose(jnp.sin(turned) ** 2, (2 + math.sqrt(3)) / 4, rtol=1e-6)


def test_h_epsilon_gate_bounds_both_values():
    angles = jnp.linspace(0, math.pi / 2, 101)
    kept = jnp.clip(angles, *open_angles(0.04))
    ones = jnp.sin(kept) ** 2
    np.testing.assert_allclose([ones.min(), ones.max()], [0.04, 0.96], atol=1e-6)
    inside = (jnp.sin(angles) ** 2 > 0.041) & (jnp.sin(angles) ** 2 < 0.959)
    np.testing.assert_array_equal(kept[inside], angles[inside])
    np.testing.assert_allclose(jnp.clip(angles, *open_angles(0.0)), angles)


def test_bad_rules_and_angles_are_named():
    with pytest.raises(ValueError, match="rule: got 'best'.*han_kim_2002"):
        rotation_table("best", 0.1)
    for rule in RULES:
        with pytest.raises(ValueError, match="angle: got 2.0, expected radians"):
            rotation_table(rule, 2.0)


def test_chance_of_one_is_the_squared_sine():
    angles = np.linspace(0, math.pi / 2, 2001)
    found = chance_of_one(jnp.asarray(angles, jnp.float32))
    np.testing.assert_allclose(found, np.sin(angles) ** 2, atol=2.5e-7)
    # By hand: 1/4, 1/2 and 3/4 at 30, 45 and 60 degrees.
    by_hand = chance_of_one(jnp.radians(jnp.array([0.0, 30.0, 45.0, 60.0, 90.0])))
    np.testing.assert_allclose(by_hand, [0, 0.25, 0.5, 0.75, 1], atol=2.5e-7)
    assert np.all(found >= 0) and np.all(found <= 1)
