"""Two classifiers on the same test examples: those that only one of them has right.

Test: McNemar, Psychometrika 12 (1947), in its exact two-sided form: if both are equally
good, either is as likely to be the one that is right alone. Interval of the difference
of accuracies: Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10: Wilson's
intervals of both, joined with the correlation of their answers.
"""

import math

from qnas_jax.errors import UserError
from qnas_jax.reporting.wilson import wilson_interval

Alone = tuple[int, int]
"""How many examples the first alone has right, and how many the second alone."""


def mcnemar_p_value(alone: Alone) -> float:
    """The exact two-sided p-value for equal accuracies.

    Args:
      alone: examples that the first alone, and that the second alone has right.

    Returns:
      In [0, 1]; 1 where both are right on the same examples.
    """
    from scipy.stats import binomtest

    first, second = alone
    if first + second == 0:
        return 1.0
    return float(binomtest(first, first + second, 0.5).pvalue)


def paired_interval(
    first: float, second: float, alone: Alone, num_examples: int
) -> tuple[float, float]:
    """The 95 % interval of `first - second` on the same examples.

    Args:
      first: an accuracy in [0, 1].
      second: another one.
      alone: examples that the first alone, and that the second alone has right.
      num_examples: n >= 1.

    Returns:
      Both ends, in [-1, 1].

    Raises:
      UserError: the numbers do not fit each other.
    """
    both = round(first * num_examples) - alone[0]
    neither = num_examples - both - sum(alone)
    difference = (alone[0] - alone[1]) / num_examples
    fits = round(second * num_examples) == both + alone[1]
    if min(both, neither, *alone) < 0 or not fits:
        raise UserError(
            f"alone_right: got {alone} of {num_examples} examples, which does not fit "
            f"accuracies of {first} and {second}"
        )
    first_low, first_high = wilson_interval(first, num_examples)
    second_low, second_high = wilson_interval(second, num_examples)
    phi = _correlation(both, alone, neither)
    below = _joined(first - first_low, second_high - second, phi)
    above = _joined(first_high - first, second - second_low, phi)
    return difference - below, difference + above


def _correlation(both: int, alone: Alone, neither: int) -> float:
    """Of right answers, in [-1, 1]; a positive one is taken with continuity."""
    count = both + sum(alone) + neither
    excess = float(both * neither - alone[0] * alone[1])
    if excess > 0:
        excess = max(excess - count / 2, 0)
    right = (both + alone[0], both + alone[1])
    spread = math.prod(right) * math.prod(count - each for each in right)
    return excess / math.sqrt(spread) if spread else 0.0


def _joined(one: float, other: float, phi: float) -> float:
    """Length of the difference of two errors that are correlated."""
    return math.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))
