"""The class of the nearest series by Euclidean distance: the archive's first column.

Source: Dau et al., The UCR time series archive, IEEE/CAA J. Autom. Sinica 6 (2019).
"""

import numpy as np

from qnas_jax.baselines.classifier import Classifier, Predict
from qnas_jax.baselines.missing import without_gaps


def fit_euclidean_1nn(
    series: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> Predict:
    """Keeps the series.

    Args:
      series: float32 [N, T, C]; NaN counts as 0.
      labels: int [N].
      rng: not used.

    Returns:
      The label of the nearest series, of the first of several that are equally near.
    """
    from scipy.spatial.distance import cdist

    del rng
    known = _flat(series)

    def predict(series: np.ndarray) -> np.ndarray:
        return labels[cdist(_flat(series), known).argmin(axis=1)]

    return predict


def _flat(series: np.ndarray) -> np.ndarray:
    """Values float64 [N, T C]: float32 would round small distances away."""
    return without_gaps(series).reshape(len(series), -1).astype(np.float64)


EUCLIDEAN_1NN = Classifier(fit_euclidean_1nn, at_once=1024)
