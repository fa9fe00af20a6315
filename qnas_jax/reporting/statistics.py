"""How sure one may be of an accuracy measured on n test images.

Intervals: Wilson, "Probable inference", JASA 22 (1927), and for a difference Newcombe,
Statistics in Medicine 17 (1998) 873-890, method 10. Test: Fisher's exact test,
two-sided, with Holm's correction (Scand. J. Statist. 6, 1979).

Only the numbers of right answers are known, not which images they belong to, so two
networks are compared as if each had seen images of its own. The networks saw the same
images and mostly agree on them; this test then misses differences sooner than it
invents them. A paired test (McNemar) would need the predictions.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.errors import UserError

CONFIDENCE = 0.95
_DRAWS = 1000  # of the bootstrap


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The winner against one other network on the same number of test images.

    Attributes:
      name: the other network.
      difference: accuracy of the winner minus that of the other, in [-1, 1].
      low: lower end of the difference's 95 % interval.
      high: upper end.
      p_value: two-sided, after Holm's correction, in [0, 1].
    """

    name: str
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether chance alone is an unlikely cause of the difference (5 % level)."""
        return self.p_value < 1 - CONFIDENCE


def wilson_interval(accuracy: float, num_images: int) -> tuple[float, float]:
    """Returns the 95 % Wilson score interval of an accuracy.

    The ends are the values p with |accuracy - p| = z sqrt(p (1 - p) / n).

    Args:
      accuracy: share of right answers, in [0, 1].
      num_images: n >= 1, the images it was measured on.

    Returns:
      Both ends, in [0, 1].

    Raises:
      UserError: accuracy or number of images out of range.
    """
    from scipy.stats import norm

    right = _num_right(accuracy, num_images)
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    share = right / num_images
    scale = 1 + z**2 / num_images
    center = (share + z**2 / (2 * num_images)) / scale
    spread = share * (1 - share) / num_images + z**2 / (4 * num_images**2)
    half = z * math.sqrt(spread) / scale
    low = 0.0 if right == 0 else center - half
    high = 1.0 if right == num_images else center + half
    return low, high


def difference_interval(
    first: float, second: float, num_images: int
) -> tuple[float, float]:
    """Returns the 95 % interval of `first - second` (Newcombe's method 10).

    Args:
      first: an accuracy in [0, 1].
      second: another one, on as many images.
      num_images: n >= 1.

    Returns:
      Both ends, in [-1, 1].
    """
    first_low, first_high = wilson_interval(first, num_images)
    second_low, second_high = wilson_interval(second, num_images)
    difference = first - second
    below = math.hypot(first - first_low, second_high - second)
    above = math.hypot(first_high - first, second - second_low)
    return difference - below, difference + above


def fisher_p_value(first: float, second: float, num_images: int) -> float:
    """Returns the two-sided p-value of Fisher's exact test for equal accuracies.

    Args:
      first: an accuracy in [0, 1].
      second: another one, on as many images.
      num_images: n >= 1.

    Returns:
      The probability, if both were equally good, of a table no likelier than this.
    """
    from scipy.stats import fisher_exact

    rights = [_num_right(value, num_images) for value in (first, second)]
    table = [[right, num_images - right] for right in rights]
    return float(fisher_exact(table).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns the p-values corrected for their number, in the same order.

    The i-th smallest of m (from 0) is multiplied by m - i; the results never fall
    along that order and never pass 1.
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def compare(
    winner: float, others: Mapping[str, float], num_images: int
) -> list[Comparison]:
    """Compares the winner's test accuracy with that of each other network.

    Args:
      winner: accuracy in [0, 1].
      others: accuracies of the other networks by name.
      num_images: n >= 1, the test images all were measured on.

    Returns:
      One comparison a network, p-values corrected for their number.
    """
    p_values = holm(
        [fisher_p_value(winner, other, num_images) for other in others.values()]
    )
    return [
        Comparison(
            name,
            winner - other,
            *difference_interval(winner, other, num_images),
            p_value,
        )
        for (name, other), p_value in zip(others.items(), p_values, strict=True)
    ]


def mean_interval(
    mean: float, mean_square: float, num_examples: int
) -> tuple[float, float]:
    """Returns the 95 % interval of a mean over examples, such as that of a loss.

    Args:
      mean: of the examples' values.
      mean_square: of the squares of them.
      num_examples: n >= 1; of many, so that their mean is about normal.

    Returns:
      Both ends, equal for one example.
    """
    from scipy.stats import norm

    variance = max(mean_square - mean**2, 0.0) / max(num_examples - 1, 1)
    half = float(norm.ppf((1 + CONFIDENCE) / 2)) * math.sqrt(variance)
    return mean - half, mean + half


def macro_f1_interval(confusion: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % percentile interval of macro F1 by the bootstrap.

    Examples that are drawn again, with replacement, are a draw from the cells of the
    confusion table, so that the table is all that is needed (Efron, Ann. Statist. 7,
    1979). Draws are the same each time.

    Args:
      confusion: [C, C] counts, true classes by answers; at least one example.

    Returns:
      Both ends, in [0, 1].
    """
    table = np.asarray(confusion, np.float64)
    shares = (table / table.sum()).ravel()
    rng = np.random.default_rng(0)
    values = [
        macro_f1(rng.multinomial(round(table.sum()), shares).reshape(table.shape))
        for _ in range(_DRAWS)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def macro_f1(confusion: np.ndarray) -> float:
    """Mean F1 of the classes that are the truth or the answer of an example."""
    right = np.diagonal(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1)
    there = either > 0
    return float(np.mean(2 * right[there] / either[there]))


def _num_right(accuracy: float, num_images: int) -> int:
    """The number of right answers; accuracies may carry float32 rounding."""
    if num_images < 1:
        raise UserError(f"test_images: got {num_images}, expected at least 1")
    if not 0 <= accuracy <= 1:
        raise UserError(f"accuracy: got {accuracy}, expected a share in [0, 1]")
    return round(accuracy * num_images)
