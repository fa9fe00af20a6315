"""Weights of a fused score, learnt from a few networks that were trained from scratch.

Some 32 networks are few for even five weights, so little is asked of them:

- The map is linear in the features' normal scores, with weights >= 0. What is known
  beforehand, that a lower loss and a larger network promise more, is not for 32 noisy
  accuracies to overturn, and the score stays monotone.
- Accuracies are replaced by their own normal scores: a network that did not learn is
  the last one, not an outlier.
- A ridge penalty (Hoerl & Kennard, Technometrics 1970) draws the weights towards those
  of the configuration, in whatever scale s: w minimises
  |y - constant - X w|^2 + strength |w - s w_0|^2 over w >= 0 and s >= 0. So where
  the accuracies teach little, the configured sum is what remains.
- The strength has the least leave-one-out error, in closed form e_i / (1 - h_ii)
  (Allen's PRESS, Technometrics 1974), of the same problem without the bounds.

Whether the map is better than the sum of the configuration is judged by pairs (Airola
et al., An experimental comparison of cross-validation techniques for estimating the
area under the ROC curve, 2011): each pair of networks is ordered by weights that were
learnt, strength included, from all others. Kendall's tau over these pairs is not biased
as that of pooled leave-one-out predictions is, which lean away from what was left out.
The better of the two is used; where they are equal, the sum.

No such test can see that networks trained too briefly favour what learns fast: then the
weights that are learnt are confidently wrong. On published numbers of 725 networks 32
trainings of 200 epochs raise tau from 0.755 to 0.771, and 32 of 12 epochs on another
data set lower it to 0.65 (`experiments/comparisons/fused_scores.py`). Train them until
their order is that of a full training, or leave the calibration out.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from qnas_jax.evaluation.fused.normal_scores import NormalScores

STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-2, 9))
"""Strengths of the penalty that are tried: 0.1 ... 10,000."""

_LEAST = 1e-6  # of 1 - h_ii, where a network alone decides about its fit


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What trained networks say of the features.

    Attributes:
      networks: how many were trained.
      weights: learnt from all of them, by feature; they add up to 1, or are all 0.
      strength: of the penalty.
      tau: Kendall's tau-b of the learnt map with the trained networks, each pair judged
        by the others.
      tau_of_sum: that of the sum with the weights of the configuration.
      tau_of: that of each feature alone.
    """

    networks: int
    weights: dict[str, float]
    strength: float
    tau: float
    tau_of_sum: float
    tau_of: dict[str, float]

    @property
    def is_better(self) -> bool:
        """Whether the learnt weights are to be used, rather than those of the sum."""
        return self.tau > self.tau_of_sum

    def lines(self, target: str) -> list[str]:
        """What is to be told.

        Args:
          target: name of what the networks were judged by.

        Returns:
          Two lines.
        """
        alone = ", ".join(f"{tau:.3f} {name}" for name, tau in self.tau_of.items())
        weights = ", ".join(f"{one:.2f} {name}" for name, one in self.weights.items())
        used = "used" if self.is_better else "not used, the sum is"
        return [
            f"Kendall tau with the {target} of {self.networks} trained networks: "
            f"{self.tau:.3f} calibrated (cross-validated), {self.tau_of_sum:.3f} sum; "
            f"alone {alone}",
            f"calibrated weights ({used}): {weights}",
        ]


def calibrate(
    features: Mapping[str, np.ndarray],
    prior: Mapping[str, float],
    target: np.ndarray,
) -> Calibration:
    """Learns weights.

    Args:
      features: normal scores, float [N] by name, finite; larger is better.
      prior: weights of the configuration, >= 0 and not all 0; features that it does
        not name have none.
      target: float [N], finite, what the trained networks reached; larger is better.

    Returns:
      The weights, and how well they and others order the networks.
    """
    rows = np.stack([np.asarray(each, np.float64) for each in features.values()], 1)
    wanted = np.asarray(NormalScores.of(target)(target), np.float64)
    before = np.asarray([prior.get(name, 0.0) for name in features])
    strength = best_strength(rows, wanted, before)
    weights = ridge_weights(rows, wanted, before, strength)
    weights /= weights.sum() or 1.0
    order = signs(wanted)
    return Calibration(
        networks=len(wanted),
        weights=dict(zip(features, weights.tolist(), strict=True)),
        strength=strength,
        tau=tau_b(pair_signs(rows, wanted, before), order),
        tau_of_sum=tau_b(signs(rows @ before), order),
        tau_of={
            name: tau_b(signs(column), order)
            for name, column in zip(features, rows.T, strict=True)
        },
    )


def best_strength(rows: np.ndarray, target: np.ndarray, prior: np.ndarray) -> float:
    """The strength of least leave-one-out error, of weights without bounds.

    Args:
      rows: float [N, F].
      target: float [N].
      prior: float [F], not all 0.

    Returns:
      One of `STRENGTHS`; of equal ones the largest.
    """
    centred, deviation = rows - rows.mean(axis=0), target - target.mean()
    # |w - s w_0|^2 at the best s is what is left of w beside the direction of w_0.
    beside = np.eye(len(prior)) - np.outer(prior, prior) / (prior @ prior)
    normal = centred.T @ centred + np.multiply.outer(STRENGTHS, beside)
    solved = np.linalg.pinv(normal, hermitian=True) @ centred.T  # [strengths, F, N]
    leverage = 1 / len(target) + np.einsum("nf,sfn->sn", centred, solved)
    left = deviation - solved @ deviation @ centred.T
    errors = ((left / np.maximum(1 - leverage, _LEAST)) ** 2).mean(axis=1)
    return STRENGTHS[len(errors) - 1 - int(np.argmin(errors[::-1]))]


def ridge_weights(
    rows: np.ndarray, target: np.ndarray, prior: np.ndarray, strength: float
) -> np.ndarray:
    """Weights >= 0 that minimise what the module says, at one strength.

    Args:
      rows: float [N, F].
      target: float [N].
      prior: float [F], >= 0, not all 0.
      strength: > 0.

    Returns:
      float [F].
    """
    from scipy import optimize

    count = len(prior)
    root = np.sqrt(strength)
    system = np.zeros((len(target) + count, count + 1))  # unknown: w, then s
    system[: len(target), :count] = rows - rows.mean(axis=0)
    system[len(target) :, :count] = root * np.eye(count)
    system[len(target) :, count] = -root * prior
    wanted = np.concatenate([target - target.mean(), np.zeros(count)])
    return optimize.nnls(system, wanted)[0][:count]


def pair_signs(rows: np.ndarray, target: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Which network of each pair is better, by weights learnt from all others.

    Args:
      rows: float [N, F].
      target: float [N].
      prior: float [F].

    Returns:
      float [N, N] of -1, 0, 1, antisymmetric: 1 where the row's is better.
    """
    count = len(target)
    found = np.zeros((count, count))
    for first in range(count):
        for second in range(first):
            others = np.delete(np.arange(count), [second, first])
            known, wanted = rows[others], target[others]
            strength = best_strength(known, wanted, prior)
            weights = ridge_weights(known, wanted, prior, strength)
            sign = np.sign((rows[first] - rows[second]) @ weights)
            found[first, second], found[second, first] = sign, -sign
    return found


def signs(values: np.ndarray) -> np.ndarray:
    """Which of each pair of values [N] is larger, as `pair_signs`."""
    values = np.asarray(values)
    return np.sign(values[:, None] - values[None])


def tau_b(left: np.ndarray, right: np.ndarray) -> float:
    """Kendall's tau-b in [-1, 1] of two orders, [N, N] both, of `signs`.

    0 if one has only ties.
    """
    pairs = np.sqrt((left**2).sum() * (right**2).sum())
    return float((left * right).sum() / pairs) if pairs else 0.0
