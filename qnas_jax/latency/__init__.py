"""Latency: tables of ops for a device, predictors learnt from samples, measurements."""

from qnas_jax.latency.host import (
    Agreement,
    Calibration,
    Nothing,
    agreement,
    calibrate,
    distinct_parts,
    measurer,
    random_archs,
    sum_table,
)
from qnas_jax.latency.learnt_table import LearntTable, learn_table
from qnas_jax.latency.measured import of_device, read_measured
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
    "Calibration",
    "CLOCKS",
    "LATENCY",
    "LatencyOptions",
    "LatencyPredictor",
    "LatencySamples",
    "LearntTable",
    "Measured",
    "Nothing",
    "RUNTIMES",
    "STATISTICS",
    "Runtime",
    "agreement",
    "calibrate",
    "distinct_parts",
    "latency_content",
    "learn_latency",
    "learn_table",
    "measure",
    "measurer",
    "of_device",
    "random_archs",
    "read_latency_table",
    "read_measured",
    "read_samples",
    "sum_table",
]
