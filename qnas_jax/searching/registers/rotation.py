"""The rotation gate of one Q-bit and the tables that choose its angle.

A Q-bit (cos t, sin t) is kept as its angle t in [0, pi/2], P(1) = sin(t)^2. Published
tables turn signed amplitudes and look up the sign of their product; since only squares
are observed, reflecting t at 0 and pi/2 is the same thing. As in those tables, a Q-bit
that sits exactly on a pole is not turned outwards.

Sources: Han & Kim, Genetic quantum algorithm, CEC 2000, table 1; Han & Kim, IEEE Trans.
Evol. Comput. 6 (2002), table I; the H-epsilon gate: Han & Kim, same journal 8 (2004).
"""

import dataclasses
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option
from qnas_jax.searching.base import number

HALF_PI = math.pi / 2


def _han_kim_2002(angle: float) -> np.ndarray:
    table = np.zeros((2, 2, 2))
    table[0, 1, 0] = angle
    table[1, 0, 0] = -angle
    return table


def _han_kim_2000(angle: float) -> np.ndarray:
    del angle  # This table states its own magnitudes.
    table = np.zeros((2, 2, 2))
    table[0, 1, 1] = -0.05
    table[1, 0] = -0.01, 0.025
    table[1, 1] = 0.005, 0.025
    return table * math.pi


def _always(angle: float) -> np.ndarray:
    table = np.full((2, 2, 2), angle)
    table[:, 0, :] = -angle
    return table


RULES: dict[str, Callable[[float], np.ndarray]] = {
    "han_kim_2002": _han_kim_2002,
    "han_kim_2000": _han_kim_2000,
    "always": _always,
}
"""Rules by name.

`han_kim_2002` turns towards the guide where a worse individual differs from it;
`han_kim_2000` is the earlier table with its own five magnitudes, some of them away from
the guide; `always` turns every Q-bit towards the guide.
"""


@dataclasses.dataclass(frozen=True)
class RotationOptions(Options):
    """How far registers are rotated."""

    angle: float = option(
        0.05 * math.pi, "rotation in radians", above=0.0, high=math.pi / 2
    )
    epsilon: float = option(
        0.01, "least probability of a Q-bit's or register's value", low=0.0, below=0.5
    )


def rotation_table(rule: str, angle: float) -> np.ndarray:
    """The signed angle of each case, positive towards 1.

    Args:
      rule: a key of `RULES`.
      angle: radians, in (0, pi/2]; `han_kim_2000` does not use it.

    Returns:
      float64 [2, 2, 2], indexed by own bit, guide's bit, and whether the own score is
      at least the guide's.

    Raises:
      UserError: an unknown rule, or an angle out of range.
    """
    if rule not in RULES:
        raise UserError(f"rule: got {rule!r}, expected one of {', '.join(RULES)}")
    if not 0 < angle <= HALF_PI:
        raise UserError(f"angle: got {angle}, expected radians in (0, pi/2]")
    return RULES[rule](angle)


def chance_of_one(angle: Array) -> Array:
    """P(1) = sin(t)^2 of Q-bits, by a polynomial that vector units compute at once.

    sin(t)^2 = (1 + sin(2 t - pi/2)) / 2, and the sine of a number in [-pi/2, pi/2] by
    its series up to the power 11; the error is below 1e-7.

    Args:
      angle: radians in [0, pi/2], any shape.

    Returns:
      Probabilities in [0, 1], the shape of `angle`.
    """
    x = 2 * angle - HALF_PI
    square = x * x
    series = jnp.zeros_like(x)
    for power in (11, 9, 7, 5, 3, 1):
        sign = -1 if power % 4 == 3 else 1
        series = series * square + sign / math.factorial(power)
    return jnp.clip((1 + x * series) / 2, 0, 1)


def rotate(angle: Array, turn: Array) -> Array:
    """Turns one Q-bit and reflects it into [0, pi/2].

    Args:
      angle: [] radians in [0, pi/2].
      turn: [] radians in [-pi/2, pi/2], positive towards 1.

    Returns:
      [] radians in [0, pi/2].
    """
    outwards = ((angle == 0) & (turn < 0)) | ((angle == HALF_PI) & (turn > 0))
    turned = jnp.abs(angle + jnp.where(outwards, 0.0, turn))
    return jnp.where(turned > HALF_PI, math.pi - turned, turned)


def open_angles(epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest angle at which both values have a chance of epsilon.

    Args:
      epsilon: probability in [0, 0.5); 0 leaves all angles open.

    Returns:
      Radians, [] each.
    """
    low = math.asin(math.sqrt(epsilon))
    return number(low), number(HALF_PI - low)
