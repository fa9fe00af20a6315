"""The experiment on molecules, tiny."""

import numpy as np
import pytest

from experiments.comparisons.molecules import read_molecules, run


@pytest.mark.slow
def test_a_row_a_molecule():
    entries = [{"name": "toy", "qubits": 2, "pauli": [["ZZ", 1.0], ["XI", 0.5]]}]
    (row,) = run(entries, seeds=2, steps=150)
    assert row["exact"] == pytest.approx(-np.sqrt(1.25))
    assert -1e-5 < row["mean error"] <= row["worst error"] < 1e-3
    assert row["accurate"] == "2 of 2"


def test_the_hamiltonians_are_found(data_dir):
    entries = read_molecules(str(data_dir), 4)
    assert {entry["molecule"] for entry in entries} == {"H2", "LiH"}
    assert [entry["qubits"] for entry in entries] == sorted(
        entry["qubits"] for entry in entries
    )
    assert max(entry["qubits"] for entry in entries) == 4
