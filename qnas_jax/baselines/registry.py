"""What needs no network, by name: for each kind of data."""

from qnas_jax.baselines.bag_of_words import BAG_OF_WORDS
from qnas_jax.baselines.classifier import Classifier
from qnas_jax.baselines.counted_tokens import LANGUAGE_MODELS
from qnas_jax.baselines.dtw import DTW_1NN
from qnas_jax.baselines.euclidean import EUCLIDEAN_1NN
from qnas_jax.baselines.rocket import ROCKET

CLASSIFIERS: dict[str, Classifier] = {
    "euclidean_1nn": EUCLIDEAN_1NN,
    "dtw_1nn": DTW_1NN,
    "rocket": ROCKET,
}
"""Of series."""

TEXT_CLASSIFIERS: dict[str, Classifier] = {"bag_of_words": BAG_OF_WORDS}

WITHOUT_NETWORK = frozenset({*CLASSIFIERS, *TEXT_CLASSIFIERS, *LANGUAGE_MODELS})
"""All names."""
