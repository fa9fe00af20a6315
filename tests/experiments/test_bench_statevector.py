"""The benchmark of circuits with diagonal costs runs tiny, and simulators agree."""

import numpy as np
import pytest

from experiments.benches import statevector as bench_statevector
from experiments.benches.statevector import OURS, floors, make_task, run_case
from experiments.peers.statevectors import PEERS

HERE = [OURS, *(name for name, peer in PEERS.items() if peer.available())]


@pytest.mark.parametrize("case", ["value-4", "gradient-3", "batch-3"])
def test_simulators_agree(case):
    rows = run_case(case, HERE, passes=1, layers=2, batch=3)
    assert rows[0]["simulator"] == OURS and rows[0]["others / ours"] == 1
    assert all(row["difference"] < 1e-5 and row["ms"] > 0 for row in rows)
    if case == "value-4":
        assert [row["simulator"] for row in rows] == HERE


def test_slopes_of_a_batch_and_a_deep_one_run():
    (row,) = run_case("batch_gradient-3", [OURS], 1, layers=2, batch=2)
    assert row["first call s"] > 0
    task = make_task("deep-5")
    assert task.gammas.shape == (1,) and task.diagonal.shape == (32,)


def test_grover_and_diagonals():
    """200 iterations of 64 items: sin^2((2 j + 1) asin(1 / 8))."""
    found = bench_statevector.ours("grover-6", make_task("grover-6"))()
    wanted = np.sin(401 * np.arcsin(1 / 8)) ** 2
    assert float(found) == pytest.approx(wanted, abs=1e-3)
    task = make_task("diagonal-5")
    spins = 1 - 2 * np.array([0, 1, 0, 1, 1])  # index 0b01011
    cost = task.fields @ spins + spins @ task.couplings @ spins
    found = bench_statevector.ours("diagonal-5", task)()
    assert float(found[0b01011]) == pytest.approx(cost, abs=1e-4)


def test_one_simulator_alone():
    row = bench_statevector.run_alone("deep-6", OURS, passes=1)
    assert row["peak memory MiB"] >= 0 and np.isfinite(row["result"])
    assert bench_statevector.run_alone("deep_gradient-6", "qsim", 1) is None


def test_floors_by_hand():
    """12 qubits: three blocks of 2 * 16 operations on 2 * 4096 numbers, 8 layers."""
    found = floors("value-12", 100.0, 10.0)
    assert found["matrix floor ms"] == pytest.approx(8 * 8192 * 96 / 1e8)
    assert found["copy floor ms"] == pytest.approx(8 * 8192 * 8 / 1e7)
    slopes = floors("batch_gradient-12", 100.0, 10.0)
    assert slopes["matrix floor ms"] == pytest.approx(256 * found["matrix floor ms"])
