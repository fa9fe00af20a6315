"""Whether a search was worth it: its winner against random picks of the same cost.

Against what a search has to hold its own is not the largest network, nor a random one
of any size, but what somebody gets who fixes the same cost and picks blindly.

- One pick retrained: Newcombe's interval and McNemar's exact test, as for any two
  networks of one run (`statistics.py`). They cover the test images, no seeds.
- Several picks: Student's interval and test of one new value (the winner) against a
  sample of k: d +- t(k - 1) s sqrt(1 + 1 / k), where s holds what architectures,
  trainings and images of random picks differ by. So the winner has to leave the range
  of random picks; that their *mean* is known better and better does not help.
- A space whose true accuracies are known: the winner's place among all architectures of
  its cost, with an exact two-sided p-value of its rank; the difference is to their
  median, its interval to the central 95 % of them.
- Several runs: a difference each, winner minus the mean of its picks; their mean, and
  Student's t over the runs.

It is one question that is asked of every run, so its p-value stands as it is; those of
the winner against each other network (`statistics.py`) are corrected for their number.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.reporting import formats
from qnas_jax.reporting.paired import Alone
from qnas_jax.reporting.statistics import two_networks
from qnas_jax.reporting.wilson import CONFIDENCE

UNCORRECTED = "not corrected for other comparisons"
_ROUNDING = 1e-9  # of accuracies that are equal but for their last digits
WORTH_IT, NOT_TOLD_APART, WORSE = "worth it", "not told apart", "worse"


@dataclasses.dataclass(frozen=True)
class Worth:
    """What a search added to a random pick of the same cost.

    Attributes:
      difference: accuracy of the winner minus what random picks reach, in [-1, 1].
      low: lower end of its 95 % interval; nan where one number, or equal ones, say
        nothing of it.
      high: upper end.
      p_value: two-sided, in [0, 1]; nan likewise.
      picks: how many random picks (or runs) it is held against.
      detail: the sentence behind the verdict, without a full stop.
    """

    difference: float
    low: float
    high: float
    p_value: float
    picks: int
    detail: str

    @property
    def verdict(self) -> str:
        """`WORTH_IT`, `NOT_TOLD_APART` or `WORSE`, at the 5 % level."""
        if not self.p_value < 1 - CONFIDENCE:  # also nan
            return NOT_TOLD_APART
        return WORTH_IT if self.difference > 0 else WORSE

    @property
    def sentence(self) -> str:
        """One line for people."""
        return f"Was the search worth it? {self.verdict.capitalize()}: {self.detail}."

    def row(self) -> dict[str, float | int | str | None]:
        """For JSON files; what is not known is None."""
        numbers = {
            name: value if math.isfinite(value) else None
            for name, value in (
                ("difference", self.difference),
                ("low", self.low),
                ("high", self.high),
                ("p_value", self.p_value),
            )
        }
        return {
            "verdict": self.verdict,
            **numbers,
            "picks": self.picks,
            "sentence": self.sentence,
        }


def worth_of_winner(
    winner: float,
    picks: Sequence[float],
    num_images: int,
    *,
    aside: str = "",
    alone: Alone | None = None,
) -> Worth:
    """Holds a retrained winner against retrained random picks.

    Args:
      winner: test accuracy in [0, 1].
      picks: those of networks picked at random at the winner's cost, at least one.
      num_images: test images that all were measured on.
      aside: what else a reader has to know of the picks, in a few words.
      alone: how many images the winner alone and the pick alone has right, of a single
        pick; None: not known.

    Returns:
      The comparison.

    Raises:
      UserError: no pick, or an accuracy outside of [0, 1].
    """
    if not picks:
        raise UserError("picks: got none, expected at least one retrained random pick")
    if len(picks) == 1:
        (pick,) = picks
        low, high, p_value, test = two_networks(winner, pick, num_images, alone)
        other = "a random pick of its cost"
        test = f"{test}, {UNCORRECTED}, one training each"
        mean = pick
    else:
        mean = float(np.mean(picks))
        spread = float(np.std(picks, ddof=1)) * math.sqrt(1 + 1 / len(picks))
        low, high, p_value = _student(winner - mean, spread, len(picks) - 1)
        other = f"{len(picks)} random picks of its cost on average"
        test = f"t of one against them, {UNCORRECTED}"
    difference = winner - mean
    detail = (
        f"the retrained winner reaches {formats.percent(winner)} on test, {other} "
        f"{formats.percent(mean)}{f' ({aside})' if aside else ''}: "
        f"{_numbers(difference, low, high, p_value, test, count=len(picks))}"
    )
    return Worth(difference, low, high, p_value, len(picks), detail)


def worth_of_truth(
    pick: float,
    others: np.ndarray,
    *,
    what: str = "the best-scored network",
    aside: str = "",
) -> Worth:
    """Holds a pick against all architectures of its cost, all accuracies known.

    Args:
      pick: its true accuracy, in [0, 1].
      others: those of the others, float [N], N >= 1.
      what: names the pick.
      aside: what else a reader has to know of the others, in a few words.

    Returns:
      The comparison; `difference` is to their median.

    Raises:
      UserError: there are no others.
    """
    others = np.asarray(others, np.float64)
    if not len(others):
        raise UserError("others: got none, expected architectures of the pick's cost")
    count, middle = len(others), float(np.median(others))
    as_good, as_bad = int((others >= pick).sum()), int((others <= pick).sum())
    p_value = min(1.0, 2 * (min(as_good, as_bad) + 1) / (count + 1))
    tail = (1 - CONFIDENCE) / 2
    bottom, top = np.quantile(others, [tail, 1 - tail])
    beaten = share_beaten(pick, others)
    low, high = pick - float(top), pick - float(bottom)
    test = "rank among all of them"
    said = _numbers(pick - middle, low, high, p_value, test, count=count)
    detail = (
        f"{what} truly reaches {formats.percent(pick)}, better than "
        f"{100 * beaten:.1f} % of the {formats.count(count)} others of its cost "
        f"({f'{aside}; ' if aside else ''}median {formats.percent(middle)}): {said}"
    )
    return Worth(pick - middle, low, high, p_value, count, detail)


def share_beaten(pick: float, others: np.ndarray) -> float:
    """Share of others [N] that are worse, equal ones counted by half, in [0, 1]."""
    return float((others < pick).mean() + (others == pick).mean() / 2)


def worth_over_runs(differences: Sequence[float], *, of_losses: bool = False) -> Worth:
    """Holds the winners of several runs against the picks of each.

    Args:
      differences: for each run, accuracy of the winner minus the mean of its picks.
      of_losses: they are of losses in nats, and the other way round.

    Returns:
      The paired comparison; of one run, or of equal differences, there is neither
      interval nor p-value.

    Raises:
      UserError: no run.
    """
    values = np.asarray(differences, np.float64)
    if not len(values):
        raise UserError("runs: got none, expected at least one")
    mean, count = float(values.mean()), len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    low, high, p_value = _student(mean, error, count - 1)
    runs = "run" if count == 1 else "runs"
    test = "paired t over runs"
    said = _numbers(mean, low, high, p_value, test, count=count, of_losses=of_losses)
    what = "the retrained winner minus random picks of its cost is"
    if of_losses:
        what = "the retrained winner loses less a token than random picks of its cost:"
    detail = f"over {count} {runs} {what} {said}"
    return Worth(mean, low, high, p_value, count, detail)


def _student(
    difference: float, error: float, freedom: int
) -> tuple[float, float, float]:
    """Student's 95 % interval and two-sided p-value.

    They are nan without any freedom, and where nothing differs: accuracies of a few
    hundred images are often equal by chance, which is no certainty.
    """
    from scipy.stats import t

    if freedom < 1 or error < _ROUNDING:
        return math.nan, math.nan, math.nan
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = 2 * float(t.sf(abs(difference) / error, freedom))
    return difference - half, difference + half, p_value


def _numbers(
    difference: float,
    low: float,
    high: float,
    p_value: float,
    test: str,
    *,
    count: int,
    of_losses: bool = False,
) -> str:
    """A difference in points, or in nats, with what so many numbers say of it."""
    show, unit = (formats.points, "points")
    if of_losses:
        show, unit = (formats.signed, "nats")
    said = f"{show(difference)} {unit}"
    if not math.isfinite(p_value):
        return f"{said} (no interval from {'one' if count == 1 else 'equal ones'})"
    return (
        f"{said} (95 % interval {show(low)} to {show(high)}, "
        f"{formats.p_value(p_value)}, {test})"
    )
