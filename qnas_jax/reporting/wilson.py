"""How sure one may be of a share of n examples: Wilson, JASA 22 (1927)."""

from qnas_jax.errors import UserError

CONFIDENCE = 0.95


def wilson_interval(accuracy: float, num_examples: int) -> tuple[float, float]:
    """Returns the 95 % Wilson score interval of an accuracy.

    The ends are the values p with |accuracy - p| = z sqrt(p (1 - p) / n).

    Args:
      accuracy: share of right answers, in [0, 1].
      num_examples: n >= 1, the examples it was measured on.

    Returns:
      Both ends, in [0, 1].

    Raises:
      UserError: accuracy or number of examples out of range.
    """
    from scipy.stats import binomtest

    test = binomtest(num_right(accuracy, num_examples), num_examples)
    found = test.proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def num_right(accuracy: float, num_examples: int) -> int:
    """The number of right answers; accuracies may carry float32 rounding.

    Raises:
      UserError: accuracy or number of examples out of range.
    """
    if num_examples < 1:
        raise UserError(f"test_examples: got {num_examples}, expected at least 1")
    if not 0 <= accuracy <= 1:
        raise UserError(f"accuracy: got {accuracy}, expected a share in [0, 1]")
    return round(accuracy * num_examples)
