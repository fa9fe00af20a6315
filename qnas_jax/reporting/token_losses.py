"""How sure one may be of a loss per token, and of the difference of two.

Tokens of one window are no independent examples, windows nearly are: a mean over tokens
is a ratio of two sums over windows, of losses and of tokens, and its variance follows
from how much windows deviate from it (Cochran, Sampling Techniques, 1977, section
2.11). Two models have seen the same windows, so their losses are compared window by
window. Intervals and tests are Student's; p-values of several are corrected by Holm.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from qnas_jax.reporting import formats
from qnas_jax.reporting.statistics import CONFIDENCE, holm
from qnas_jax.reporting.worth import UNCORRECTED, Worth


@dataclasses.dataclass(frozen=True)
class WindowLosses:
    """What a model has lost on the windows of a split.

    Attributes:
      losses: float [N], sums over the tokens of each window, in nats.
      tokens: int [N], how many it has; the same for all models.
    """

    losses: np.ndarray
    tokens: np.ndarray

    def mean(self) -> tuple[float, float, float]:
        """Mean loss of a token and its 95 % interval; of one window it is all there is.

        Returns:
          The mean, and both ends.
        """
        mean, error = self._mean_and_error()
        half = error * _quantile(len(self.tokens) - 1)
        return mean, mean - half, mean + half

    def less(self, other: "WindowLosses") -> tuple[float, float, float, float]:
        """By how much it loses less a token than another on the same windows.

        Args:
          other: the other model.

        Returns:
          The difference (positive: this one is better), its 95 % interval and the
          two-sided p-value.
        """
        from scipy.stats import t

        gain = WindowLosses(other.losses - self.losses, self.tokens)
        mean, low, high = gain.mean()
        _, error = gain._mean_and_error()
        freedom = len(self.tokens) - 1
        if error == 0 or freedom < 1:
            return mean, low, high, float(mean == 0 or freedom < 1)
        return mean, low, high, 2 * float(t.sf(abs(mean) / error, freedom))

    def _mean_and_error(self) -> tuple[float, float]:
        count, total = len(self.tokens), float(self.tokens.sum())
        mean = float(self.losses.sum()) / total
        if count < 2:
            return mean, 0.0
        deviations = self.losses - mean * self.tokens
        variance = float(np.sum(deviations**2)) * count / (count - 1)
        return mean, math.sqrt(variance) / total


def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, freedom)) if freedom > 0 else 0.0


_OF_LOSS = {
    "test_loss": lambda loss: loss,
    "test_perplexity": math.exp,
    "test_bits_per_character": lambda loss: loss / math.log(2),
}


def loss_intervals(
    found: WindowLosses, metrics: Sequence[str]
) -> dict[str, list[float]]:
    """Takes the intervals of what follows from a mean loss.

    Args:
      found: what a model has lost.
      metrics: names, as `test_perplexity`; others have no interval here.

    Returns:
      Both ends of 95 % intervals by name.
    """
    _, *ends = found.mean()
    return {
        name: [rule(end) for end in ends]
        for name, rule in _OF_LOSS.items()
        if name in metrics
    }


def compare_losses(
    winner: WindowLosses, others: Mapping[str, WindowLosses]
) -> dict[str, dict[str, float]]:
    """Compares the winner's losses with those of each other model.

    Args:
      winner: its losses.
      others: those of the others by name, on the same windows.

    Returns:
      For each the difference in nats a token (positive: the winner is better), its 95 %
      interval `low` and `high`, and the two-sided `p_value`, corrected for their
      number.
    """
    found = {name: winner.less(other) for name, other in others.items()}
    p_values = holm([each[-1] for each in found.values()])
    names = ("difference", "low", "high")
    return {
        name: {**dict(zip(names, each, strict=False)), "p_value": p_value}
        for (name, each), p_value in zip(found.items(), p_values, strict=True)
    }


def worth_of_losses(
    winner: WindowLosses, picks: Sequence[WindowLosses], *, aside: str = ""
) -> Worth:
    """Holds a retrained winner against retrained random picks of its cost.

    Args:
      winner: its losses.
      picks: theirs, at least one. Of several the mean on each window is taken, so that
        windows are covered, and not how much random picks differ.
      aside: what else a reader has to know of the picks, in a few words.

    Returns:
      The comparison, in nats a token.
    """
    mean = np.mean([pick.losses for pick in picks], axis=0)
    other = WindowLosses(mean, winner.tokens)
    difference, low, high, p_value = winner.less(other)
    own, theirs = (formats.nats(each.mean()[0]) for each in (winner, other))
    less, least, most = map(formats.signed, (difference, low, high))
    what = "a random pick" if len(picks) == 1 else f"{len(picks)} random picks"
    detail = (
        f"the retrained winner loses {own} a token on test, {what} of its cost "
        f"{theirs}{f' ({aside})' if aside else ''}: {less} less (95 % interval {least} "
        f"to {most}, {formats.p_value(p_value)}, paired t over windows, {UNCORRECTED})"
    )
    return Worth(difference, low, high, p_value, len(picks), detail)
