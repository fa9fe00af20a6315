"""What found networks are held against and is no network, and fitted in seconds."""

from qnas_jax.baselines.classifier import Classifier, Predict
from qnas_jax.baselines.counted_tokens import (
    LANGUAGE_MODELS,
    LanguageModel,
    PredictTokens,
)
from qnas_jax.baselines.registry import (
    CLASSIFIERS,
    TEXT_CLASSIFIERS,
    WITHOUT_NETWORK,
)

__all__ = [
    "CLASSIFIERS",
    "LANGUAGE_MODELS",
    "TEXT_CLASSIFIERS",
    "WITHOUT_NETWORK",
    "Classifier",
    "LanguageModel",
    "Predict",
    "PredictTokens",
]
