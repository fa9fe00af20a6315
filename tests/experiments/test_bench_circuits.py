"""A tiny run of the benchmark of circuits."""

import numpy as np
import pytest

from experiments.benches import circuits as bench_circuits
from experiments.peers.circuits import state_difference


def test_rows():
    rows = list(bench_circuits.run([3], passes=1, depths=(1, 2)))
    for row in rows:
        assert row["ms"] > 0
        assert row["difference"] < 1e-6
    assert {row["simulator"] for row in rows} >= {"qnas_jax", "aer"}


def test_differences_ignore_the_global_phase():
    state = np.array([0.6, 0.8j])
    assert state_difference(state, 1j * state) == pytest.approx(0, abs=1e-15)
    assert state_difference(state, state.conj()) > 0.5


def test_memory():
    assert bench_circuits.added_memory_mib(3, "gradient") >= 0
