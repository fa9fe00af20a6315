"""The classifiers of series by name."""

from qnas_jax.baselines.classifier import Classifier
from qnas_jax.baselines.dtw import DTW_1NN
from qnas_jax.baselines.euclidean import EUCLIDEAN_1NN
from qnas_jax.baselines.rocket import ROCKET

CLASSIFIERS: dict[str, Classifier] = {
    "euclidean_1nn": EUCLIDEAN_1NN,
    "dtw_1nn": DTW_1NN,
    "rocket": ROCKET,
}
