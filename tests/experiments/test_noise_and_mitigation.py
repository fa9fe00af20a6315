"""The experiment on noise runs, tiny, and its columns are ordered as they must be."""

import pytest

from experiments.comparisons import noise_and_mitigation


@pytest.mark.slow
def test_noise_lowers_the_cut_and_mitigation_raises_it():
    rows = list(
        noise_and_mitigation.run(
            num_qubits=4, layers=1, levels=(0.02,), num_trajectories=200, shots=4096
        )
    )
    (row,) = rows
    # QAOA with one layer on a ring: 3/4 of the edges (Farhi et al. 2014).
    assert row["noiseless"] == pytest.approx(0.75, abs=1e-3)
    assert row["misread"] < row["noisy"] < row["noiseless"]
    assert abs(row["trajectories"] - row["noisy"]) < 5 * row["standard error"]
    assert abs(row["corrected"] - row["noisy"]) < 0.03
    lost = row["noiseless"] - row["noisy"]
    for method in noise_and_mitigation.METHODS:
        assert abs(row[method] - row["noiseless"]) < 0.4 * lost
    assert noise_and_mitigation.draw(rows)[:4] == b"\x89PNG"
