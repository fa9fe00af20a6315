"""Weights of a fused score, learnt from a few networks that were trained from scratch.

Some 32 networks are few for even five weights, so little is asked of them:

- The map is linear in the features' normal scores, with weights >= 0. What is known
  beforehand, that a lower loss and a larger network promise more, is not for 32 noisy
  accuracies to overturn, and the score stays monotone.
- Accuracies are replaced by their own normal scores: a network that did not learn is
  the last one, not an outlier.
- A ridge penalty (Hoerl & Kennard, Technometrics 1970) holds the weights together. With
  growing strength they become proportional to each feature's covariance with the
  target, which is as reasonable as equal shares. The strength has the least
  leave-one-out error, in closed form e_i / (1 - h_ii) (Allen's PRESS, Technometrics
  1974), of the ridge regression without the bound; with that strength the bounded
  least-squares problem is solved.

Whether the map is better than the plain sum is judged by pairs (Airola et al., An
experimental comparison of cross-validation techniques for estimating the area under the
ROC curve, 2011): each pair of networks is ordered by weights that were learnt, strength
included, from all others. Kendall's tau over these pairs is not biased as that of
pooled leave-one-out predictions is, which lean away from what was left out. The better
of the two is used; where they are equal, the sum.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from qnas_jax.evaluation.fused.normal_scores import NormalScores

STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-2, 7))
"""Strengths of the penalty that are tried: 0.1 ... 1000."""


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
    features: Mapping[str, np.ndarray], total: np.ndarray, target: np.ndarray
) -> Calibration:
    """Learns weights.

    Args:
      features: normal scores, float [N] by name, finite; larger is better.
      total: float [N], the sum with the weights of the configuration.
      target: float [N], finite, what the trained networks reached; larger is better.

    Returns:
      The weights, and how well they and others order the networks.
    """
    rows = np.stack([np.asarray(each, np.float64) for each in features.values()], 1)
    wanted = np.asarray(NormalScores.of(target)(target), np.float64)
    strength = best_strength(rows, wanted)
    weights = ridge_weights(rows, wanted, strength)
    weights /= weights.sum() or 1.0
    order = signs(wanted)
    return Calibration(
        networks=len(wanted),
        weights=dict(zip(features, weights.tolist(), strict=True)),
        strength=strength,
        tau=tau_b(pair_signs(rows, wanted), order),
        tau_of_sum=tau_b(signs(total), order),
        tau_of={
            name: tau_b(signs(column), order)
            for name, column in zip(features, rows.T, strict=True)
        },
    )


def best_strength(rows: np.ndarray, target: np.ndarray) -> float:
    """The strength of least leave-one-out error.

    Args:
      rows: float [N, F].
      target: float [N].

    Returns:
      One of `STRENGTHS`; of equal ones the largest.
    """
    centred = rows - rows.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    deviation = target - target.mean()
    errors = []
    for strength in STRENGTHS:
        shrunk = sizes**2 / (sizes**2 + strength)
        fitted = left @ (shrunk * (left.T @ deviation))
        leverage = 1 / len(target) + (left**2) @ shrunk
        errors.append(np.mean(((deviation - fitted) / (1 - leverage)) ** 2))
    return STRENGTHS[len(errors) - 1 - int(np.argmin(errors[::-1]))]


def ridge_weights(rows: np.ndarray, target: np.ndarray, strength: float) -> np.ndarray:
    """Weights >= 0 of least |target - constant - rows w|^2 + strength |w|^2.

    Args:
      rows: float [N, F].
      target: float [N].
      strength: > 0.

    Returns:
      float [F].
    """
    from scipy import optimize

    count = rows.shape[1]
    penalty = np.sqrt(strength) * np.eye(count)
    stacked = np.concatenate([rows - rows.mean(axis=0), penalty])
    wanted = np.concatenate([target - target.mean(), np.zeros(count)])
    return optimize.nnls(stacked, wanted)[0]


def pair_signs(rows: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Which network of each pair is better, by weights learnt from all others.

    Args:
      rows: float [N, F].
      target: float [N].

    Returns:
      float [N, N] of -1, 0, 1, antisymmetric: 1 where the row's is better.
    """
    count = len(target)
    found = np.zeros((count, count))
    for first in range(count):
        for second in range(first):
            others = np.delete(np.arange(count), [second, first])
            known, wanted = rows[others], target[others]
            weights = ridge_weights(known, wanted, best_strength(known, wanted))
            sign = np.sign((rows[first] - rows[second]) @ weights)
            found[first, second], found[second, first] = sign, -sign
    return found


def signs(values: np.ndarray) -> np.ndarray:
    """Which of each pair of values [N] is larger, as `pair_signs`."""
    values = np.asarray(values)
    return np.sign(values[:, None] - values[None])


def tau_b(left: np.ndarray, right: np.ndarray) -> float:
    """Kendall's tau-b of two orders [N, N] of `signs`; 0 if one has only ties."""
    pairs = np.sqrt((left**2).sum() * (right**2).sum())
    return float((left * right).sum() / pairs) if pairs else 0.0
