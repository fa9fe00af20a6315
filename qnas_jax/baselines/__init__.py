"""Classifiers of series without networks: what found networks are held against."""

from qnas_jax.baselines.classifier import Classifier, Predict
from qnas_jax.baselines.registry import CLASSIFIERS

__all__ = ["CLASSIFIERS", "Classifier", "Predict"]
