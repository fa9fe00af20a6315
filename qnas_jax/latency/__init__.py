"""Latency: tables of ops for a device, predictors learnt from samples, measurements."""

from qnas_jax.latency.host import (
    Agreement,
    Nothing,
    agreement,
    distinct_parts,
    measurer,
    random_archs,
    scale_of,
    sum_table,
)
from qnas_jax.latency.measuring import (
    CLOCKS,
    RUNTIMES,
    STATISTICS,
    LatencyOptions,
    Measured,
    Runtime,
    measure,
)
from qnas_jax.latency.predictor import LATENCY, LatencyPredictor, learn_latency
from qnas_jax.latency.samples import LatencySamples, read_samples
from qnas_jax.latency.tables import latency_content, read_latency_table

__all__ = [
    "Agreement",
    "CLOCKS",
    "LATENCY",
    "LatencyOptions",
    "LatencyPredictor",
    "LatencySamples",
    "Measured",
    "Nothing",
    "RUNTIMES",
    "STATISTICS",
    "Runtime",
    "agreement",
    "distinct_parts",
    "latency_content",
    "learn_latency",
    "measure",
    "measurer",
    "random_archs",
    "read_latency_table",
    "read_samples",
    "scale_of",
    "sum_table",
]
