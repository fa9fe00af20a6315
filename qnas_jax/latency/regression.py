"""Linear regression that learns how much each group of features matters, and the noise.

Weights of a group are normal with one variance for all, noise is Student-t with 4
degrees of freedom, so that a few measurements that were disturbed do not bend the rest.
Variances and noise follow from the samples by MacKay's fixed points of the evidence;
the weight of a sample is the expected precision of its noise, as in EM for Student-t.

Sources: MacKay, Bayesian interpolation, Neural Computation 1992, equations 4.9-4.10;
Tipping & Lawrence, Variational inference for Student-t models, Neurocomputing 2005.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qnas_jax.errors import UserError

_FREEDOM = 4.0  # of Student's t
_PASSES = 60
_SETTLED = 0.02  # change of the logarithm of every variance
_LEAST_NOISE = 1e-6  # variance, in units of the targets' spread: for exact data
_LEAST_VARIANCE = 1e-9
_PSEUDO_COUNT, _PSEUDO_SQUARE = 1.0, 1e-4  # of the prior of each variance
_OFFSET_VARIANCE = 1e4


class Regression(NamedTuple):
    """What was learnt.

    Attributes:
      offset: what all zeros give, in the unit of the targets.
      weights: float64 [D], of the features in the order of their groups.
      noise: scale of the Student-t noise, in the unit of the targets.
    """

    offset: float
    weights: np.ndarray
    noise: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Features [N, D] -> float64 [N]."""
        return self.offset + features @ self.weights


def regress(
    groups: Sequence[np.ndarray], targets: np.ndarray, *, robust: bool = True
) -> Regression:
    """Learns weights from samples.

    Args:
      groups: features of each group, float [N, D_g].
      targets: float [N], finite.
      robust: Student-t noise; else normal noise.

    Returns:
      The regression, for the features of all groups side by side.

    Raises:
      UserError: fewer than two samples, or values that are not finite.
    """
    targets = np.asarray(targets, float)
    if len(targets) < 2 or not np.isfinite(targets).all():
        raise UserError(
            f"samples: got {len(targets)} of which {np.isfinite(targets).sum()} are "
            "finite, expected at least 2, all finite"
        )
    middle, scale = float(np.median(targets)), _spread(targets)
    features = np.concatenate([np.asarray(group, float) for group in groups], axis=1)
    means = features.mean(axis=0)
    centred = np.concatenate([np.ones((len(targets), 1)), features - means], axis=1)
    sizes = [1, *(group.shape[1] for group in groups)]
    mean, noise = _posterior_mean(centred, sizes, (targets - middle) / scale, robust)
    weights = scale * mean[1:]
    offset = middle + scale * float(mean[0]) - float(means @ weights)
    return Regression(offset, weights, scale * noise)


def _spread(values: np.ndarray) -> float:
    """Standard deviation of most values (1.4826 times the median deviation)."""
    deviation = np.median(np.abs(values - np.median(values)))
    return float(1.4826 * deviation or values.std() or 1.0)


def _posterior_mean(
    features: np.ndarray, sizes: Sequence[int], targets: np.ndarray, robust: bool
) -> tuple[np.ndarray, float]:
    """Weights [D] and the noise's scale; the first feature is a free offset."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    lengths = np.add.reduceat((features**2).mean(axis=0), np.cumsum([0, *sizes[:-1]]))
    variances = 1 / np.maximum(lengths, _LEAST_VARIANCE)
    variances[0] = _OFFSET_VARIANCE
    noise, precisions = 0.1, np.ones(len(targets))
    mean = np.zeros(len(group))
    for _ in range(_PASSES):
        weighted = features.T * precisions
        inverse = weighted @ features / noise + np.diag(1 / variances[group])
        covariance = np.linalg.inv(inverse)
        mean = covariance @ (weighted @ targets) / noise
        rest = (targets - features @ mean) ** 2
        known = 1 - np.diag(covariance) / variances[group]
        new = _updated(mean**2, known, group, variances)
        left = len(targets) - known.sum() + _PSEUDO_COUNT
        new_noise = max((precisions @ rest + _PSEUDO_SQUARE) / left, _LEAST_NOISE)
        moved = np.log(np.append(new, new_noise) / np.append(variances, noise))
        variances, noise = new, new_noise
        if robust:
            unsure = np.einsum("nd,nd->n", features @ covariance, features)
            precisions = (_FREEDOM + 1) / (_FREEDOM + (rest + unsure) / noise)
        if np.abs(moved).max() < _SETTLED:
            break
    return mean, float(np.sqrt(noise))


def _updated(
    squares: np.ndarray, known: np.ndarray, group: np.ndarray, variances: np.ndarray
) -> np.ndarray:
    """The variances of the groups, but for that of the offset, which stays."""
    total = np.bincount(group, squares) + _PSEUDO_SQUARE
    new = total / (np.maximum(np.bincount(group, known), 0) + _PSEUDO_COUNT)
    new[0] = variances[0]
    return np.maximum(new, _LEAST_VARIANCE)
