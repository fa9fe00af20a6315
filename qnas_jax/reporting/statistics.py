"""How sure one may be of what was measured on n test examples.

Intervals: Wilson's of an accuracy (`wilson.py`). Two networks that were tested on the
same examples are compared in pairs (`paired.py`), with Holm's correction (Scand. J.
Statist. 6, 1979).

Where only the numbers of right answers are known, not which examples they belong to
(work folders of before the answers were kept), two networks are compared as if each had
seen examples of its own: Newcombe's interval (Statistics in Medicine 17 (1998) 873-890,
method 10) and Fisher's exact test, which miss differences sooner than they invent them.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from qnas_jax.reporting.paired import Alone, mcnemar_p_value, paired_interval
from qnas_jax.reporting.wilson import CONFIDENCE, num_right, wilson_interval

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
      test: name of the test.
    """

    name: str
    difference: float
    low: float
    high: float
    p_value: float
    test: str

    @property
    def significant(self) -> bool:
        """Whether chance alone is an unlikely cause of the difference (5 % level)."""
        return self.p_value < 1 - CONFIDENCE


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

    rights = [num_right(value, num_images) for value in (first, second)]
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
    winner: float,
    others: Mapping[str, float],
    num_images: int,
    alone: Mapping[str, Alone] | None = None,
) -> list[Comparison]:
    """Compares the winner's test accuracy with that of each other network.

    Args:
      winner: accuracy in [0, 1].
      others: accuracies of the other networks by name.
      num_images: n >= 1, the test images all were measured on.
      alone: by name of the other, how many images the winner alone and how many the
        other alone has right; what is not named is compared unpaired.

    Returns:
      One comparison a network, p-values corrected for their number.
    """
    known = alone or {}
    found = [
        _compared(name, winner, other, num_images, known.get(name))
        for name, other in others.items()
    ]
    corrected = holm([one.p_value for one in found])
    return [
        dataclasses.replace(one, p_value=p_value)
        for one, p_value in zip(found, corrected, strict=True)
    ]


def two_networks(
    first: float, second: float, num_images: int, alone: Alone | None
) -> tuple[float, float, float, str]:
    """Compares two networks, in pairs if it is known which one is right alone.

    Args:
      first: an accuracy in [0, 1].
      second: another one, on as many images.
      num_images: n >= 1.
      alone: how many images the first alone and the second alone has right.

    Returns:
      Both ends of the 95 % interval of `first - second`, the two-sided p-value, and
      the name of the test.
    """
    if alone is None:
        ends = difference_interval(first, second, num_images)
        p_value = fisher_p_value(first, second, num_images)
        return *ends, p_value, "Fisher's exact test"
    ends = paired_interval(first, second, alone, num_images)
    return *ends, mcnemar_p_value(alone), "McNemar's exact test"


def _compared(
    name: str, winner: float, other: float, num_images: int, alone: Alone | None
) -> Comparison:
    found = two_networks(winner, other, num_images, alone)
    return Comparison(name, winner - other, *found)


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


def interval_of_mean(
    mean: float, deviation: float, count: int
) -> tuple[float, float] | None:
    """Returns Student's 95 % interval of a mean over runs.

    Args:
      mean: of the runs.
      deviation: standard deviation of the sample (n - 1).
      count: n >= 1.

    Returns:
      Both ends; None for one run, which says nothing of others.
    """
    from scipy.stats import t

    if count < 2:
        return None
    factor = float(t.ppf((1 + CONFIDENCE) / 2, count - 1))
    half = factor * deviation / math.sqrt(count)
    return mean - half, mean + half


def macro_f1_interval(confusion: np.ndarray) -> tuple[float, float]:
    """Returns the interval of macro F1, see `resampled_interval`.

    Args:
      confusion: [C, C] counts, true classes by answers; at least one example.

    Returns:
      Both ends, in [0, 1].
    """
    return resampled_interval(confusion, macro_f1)


def balanced_accuracy_interval(confusion: np.ndarray) -> tuple[float, float]:
    """Returns the interval of balanced accuracy, see `resampled_interval`.

    Args:
      confusion: [C, C] counts, true classes by answers; at least one example.

    Returns:
      Both ends, in [0, 1].
    """
    return resampled_interval(confusion, balanced_accuracy)


def resampled_interval(
    confusion: np.ndarray, measure: Callable[[np.ndarray], float]
) -> tuple[float, float]:
    """Returns the 95 % percentile interval of a number by the bootstrap.

    Examples that are drawn again, with replacement, are a draw from the cells of the
    confusion table, so that the table is all that is needed (Efron, Ann. Statist. 7,
    1979). Draws are the same each time.

    Args:
      confusion: [C, C] counts, true classes by answers; at least one example.
      measure: a table of that form -> the number.

    Returns:
      Both ends.
    """
    table = np.asarray(confusion, np.float64)
    shares = (table / table.sum()).ravel()
    rng = np.random.default_rng(0)
    values = [
        measure(rng.multinomial(round(table.sum()), shares).reshape(table.shape))
        for _ in range(_DRAWS)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def balanced_accuracy(confusion: np.ndarray) -> float:
    """Mean share of right answers of the classes that are the truth of an example.

    Args:
      confusion: examples [K, K] by true and answered class.

    Returns:
      In [0, 1].
    """
    examples = confusion.sum(axis=1)
    there = examples > 0
    return float(np.mean(np.diagonal(confusion)[there] / examples[there]))


def macro_f1(confusion: np.ndarray) -> float:
    """Mean F1 of the classes that are the truth or the answer of an example.

    Args:
      confusion: examples [K, K] by true and answered class.

    Returns:
      In [0, 1].
    """
    right = np.diagonal(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1)
    there = either > 0
    return float(np.mean(2 * right[there] / either[there]))
