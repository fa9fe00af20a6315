"""How well scores rank a space whose true accuracies are known.

Kendall's tau-b, which accounts for ties, over all architectures and inside of the truly
best tenth, where a search has to choose; Spearman's rho; and what the choice itself is
worth: the true accuracy of the best-scored architecture, and the best among the ten
best-scored.

Intervals of tau are 95 % over architectures: what another draw of as many would give,
not another training. Their standard error is the jackknife's: tau without architecture
i follows from the pairs that i is in, so all N of them cost one pass over the pairs (a
second for 15,625 architectures), no resampling and no seed. The ends are symmetric in
Fisher's z = artanh(tau), so they stay in [-1, 1].
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.proxies import PROXIES
from qnas_jax.options import OptionError, Options, option

_FEWEST = 3  # architectures that can be in an order worth a number
_FEWEST_OF_TENTH = 8  # of fewer, a perfect order is a matter of luck

COST_TERMS = ("macs", "params")
TERMS = (
    *COST_TERMS,
    *(
        name
        for name, proxy in PROXIES.items()
        if proxy.score is not None and name not in COST_TERMS
    ),
)
"""What ranks without any training: costs, and zero-cost proxies."""


@dataclasses.dataclass(frozen=True)
class RankOptions(Options):
    """What is ranked, and beside what.

    Raises:
      OptionError: a value is not allowed.
    """

    terms: tuple[str, ...] = option(
        ("macs", "params", "synflow", "nwot"),
        "training-free terms that are ranked alone",
        of=str,
        choices=TERMS,
    )
    images: int = option(64, "training images that terms look at", low=1)
    archs: int = option(
        0, "architectures to rank, at random of those with a known truth; 0: all", low=0
    )
    truth_file: str = option(
        "",
        "table of the user's own, CSV or npz, whose accuracies are the truth; empty: "
        "the published one of the space",
    )
    truth_archs: tuple[str, ...] = option(
        ("op_*",), "truth_file: one column a layer, holding its op", of=str
    )
    truth_columns: tuple[str, ...] = option(
        ("test_*",),
        "truth_file: accuracies from 0 to 1 or in percent, mean over columns",
        of=str,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.terms)) < len(self.terms):
            raise OptionError("terms", self.terms, "terms, each once")
        if 0 < self.archs < _FEWEST:
            raise OptionError("archs", self.archs, f"0, or {_FEWEST} and more")


def rank_agreement(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Agreement of two rankings.

    Args:
      scores: float [N], larger is better.
      truth: float [N], larger is better.

    Returns:
      kendall_tau (tau-b, which accounts for ties) and spearman, each in [-1, 1].

    Raises:
      UserError: one of them is constant or not finite, so there is no ranking.
    """
    from scipy import stats

    for name, values in (("scores", scores), ("truth", truth)):
        if not np.isfinite(values).all() or np.ptp(values) == 0:
            raise UserError(f"{name}: constant or not finite, expected a ranking")
    return {
        "kendall_tau": float(stats.kendalltau(scores, truth).statistic),
        "spearman": float(stats.spearmanr(scores, truth).statistic),
    }


TOP = 10
"""How many of the best-scored architectures `top_ten` looks at."""

_Z = 1.959964  # 97.5 % point of the normal distribution
_PAIRS = 2**23  # compared at once, to bound memory


@dataclasses.dataclass(frozen=True)
class Tau:
    """Kendall's tau-b with its 95 % interval over architectures.

    Attributes:
      tau: in [-1, 1].
      low: lower end.
      high: upper end.
    """

    tau: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class RankingMeasures:
    """How well one score ranks.

    Attributes:
      tau: over all architectures.
      spearman: Spearman's rho over all architectures.
      best_tenth: tau inside of the truly best tenth; None where the tenth has fewer
        than eight architectures, or is constant.
      pick: true accuracy of the best-scored architecture; of equal scores, the first in
        the order given.
      top_at: places of the ten best-scored in that order, best first.
      tied: architectures that share the best score.
      top_ten: best true accuracy of the ten best-scored, ties likewise.
      failed: architectures without a finite score, which count as the worst.
    """

    tau: Tau
    spearman: float
    best_tenth: Tau | None
    pick: float
    top_at: tuple[int, ...]
    tied: int
    top_ten: float
    failed: int

    def row(self) -> dict[str, float | int | None]:
        """The same as flat fields, for JSON and tables."""
        best = self.best_tenth
        return {
            "kendall_tau": self.tau.tau,
            "tau_low": self.tau.low,
            "tau_high": self.tau.high,
            "spearman": self.spearman,
            "best_tenth_tau": best.tau if best else None,
            "best_tenth_low": best.low if best else None,
            "best_tenth_high": best.high if best else None,
            "pick": self.pick,
            "tied": self.tied,
            "top_ten": self.top_ten,
            "failed": self.failed,
        }


def ranking_measures(scores: np.ndarray, truth: np.ndarray) -> RankingMeasures:
    """Measures a ranking.

    Args:
      scores: float [N], larger is better; values that are not finite are the worst.
      truth: true accuracies, float [N], N >= 3.

    Returns:
      What it is worth.

    Raises:
      UserError: scores or truth are constant, or the truth is not finite.
    """
    scores, truth = np.asarray(scores, np.float64), np.asarray(truth, np.float64)
    finite = np.isfinite(scores)
    if len(scores) < _FEWEST or not np.isfinite(truth).all():
        raise UserError(
            f"truth: got {len(truth)} values, {np.isfinite(truth).sum()} of them "
            f"finite, expected at least {_FEWEST}, all finite"
        )
    ranked = _ranks(np.where(finite, scores, -np.inf))
    tau, tenth = _tau(ranked, truth), truth >= np.quantile(truth, 0.9)
    if tau is None:
        raise UserError("scores or truth: all values are equal, expected a ranking")
    order = np.argsort(-ranked, kind="stable")
    return RankingMeasures(
        tau=tau,
        spearman=rank_agreement(ranked, truth)["spearman"],
        best_tenth=_tau(ranked[tenth], truth[tenth], _FEWEST_OF_TENTH),
        pick=float(truth[order[0]]),
        top_at=tuple(order[:TOP].tolist()),
        tied=int((ranked == ranked.max()).sum()),
        top_ten=float(truth[order[:TOP]].max()),
        failed=int((~finite).sum()),
    )


def rank_all(
    scores: Mapping[str, np.ndarray], truth: np.ndarray
) -> dict[str, RankingMeasures]:
    """Measures several scores of the same architectures.

    Args:
      scores: by name float [N], larger is better.
      truth: float [N].

    Returns:
      By name; scores that are constant rank nothing and are left out.
    """
    known = {
        name: np.where(np.isfinite(values), values, -np.inf)
        for name, values in scores.items()
    }
    return {
        name: ranking_measures(values, truth)
        for name, values in known.items()
        if len(np.unique(values)) > 1
    }


def _ranks(values: np.ndarray) -> np.ndarray:
    """Mean ranks float64 [N]; -inf is an ordinary smallest value."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), np.float64)


def _tau(first: np.ndarray, second: np.ndarray, fewest: int = _FEWEST) -> Tau | None:
    """Tau-b with its interval; None for too few values, or constant ones."""
    if len(first) < fewest or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    excess, untied_first, untied_second = _pair_counts(first, second)
    sums = [float(each.sum()) for each in (excess, untied_first, untied_second)]
    tau = sums[0] / math.sqrt(sums[1] * sums[2])
    # Every pair is counted twice, once from each end.
    without = (sums[0] - 2 * excess) / np.sqrt(
        np.maximum((sums[1] - 2 * untied_first) * (sums[2] - 2 * untied_second), 1)
    )
    count = len(first)
    error = math.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    if abs(tau) > 1 - 1e-12:
        return Tau(math.copysign(1.0, tau), *(2 * [math.copysign(1.0, tau)]))
    center, half = math.atanh(tau), _Z * error / (1 - tau**2)
    return Tau(tau, math.tanh(center - half), math.tanh(center + half))


def _pair_counts(
    first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each value: concordant minus discordant partners, and those not tied in each.

    Args:
      first: float [N].
      second: float [N].

    Returns:
      Three arrays int64 [N].
    """
    ranks = [_ranks(values).astype(np.float32) for values in (first, second)]
    count = len(first)
    found = np.zeros((3, count), np.int64)
    size = max(1, _PAIRS // count)
    for start in range(0, count, size):
        part = slice(start, start + size)
        signs = [
            (own[part, None] > own).astype(np.int8) - (own[part, None] < own)
            for own in ranks
        ]
        found[0, part] = (signs[0] * signs[1]).sum(axis=1)
        for place, sign in enumerate(signs, start=1):
            found[place, part] = np.count_nonzero(sign, axis=1)
    return found[0], found[1], found[2]
