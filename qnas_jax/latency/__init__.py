"""Latency: tables of ops for a device, predictors learnt from samples, measurements."""

from qnas_jax.latency.predictor import LATENCY, LatencyPredictor, learn_latency
from qnas_jax.latency.samples import LatencySamples, read_samples
from qnas_jax.latency.tables import latency_content, read_latency_table

__all__ = [
    "LATENCY",
    "LatencyPredictor",
    "LatencySamples",
    "latency_content",
    "learn_latency",
    "read_latency_table",
    "read_samples",
]
