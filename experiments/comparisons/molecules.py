"""Ground energies of small molecules by VQE, against the exact ones.

One setting for all: a hardware-efficient circuit as deep as it is wide (at least 4), 8
random starts, adam. Errors are in hartree; chemical accuracy is 1.6e-3.

python -m experiments.comparisons.molecules --data_dir=FOLDER [--seeds=3]
    [--most_qubits=8]
    [--steps=800] [--out=rows.jsonl]
"""

import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from qnas_jax.optimise.variational.vqe import VqeOptions, vqe
from qnas_jax.quantum import PauliSum, ground_energy, hardware_efficient

CHEMICAL_ACCURACY = 1.6e-3
COLUMNS = ["molecule", "qubits", "exact", "mean error", "worst error", "accurate"]


def run(
    entries: Sequence[Mapping[str, Any]], seeds: int, steps: int
) -> Iterator[dict[str, Any]]:
    """Runs VQE on each Hamiltonian.

    Args:
      entries: with `name`, `qubits` and `pauli` (pairs of string and coefficient).
      seeds: independent runs of each.
      steps: of the optimiser.

    Yields:
      A row an entry.
    """
    options = VqeOptions(
        steps=steps, learning_rate=0.1, starts=8, spread=1.0, alpha=1.0, shots=16
    )
    for entry in entries:
        strings, coefficients = zip(*entry["pauli"], strict=True)
        energy = PauliSum(entry["qubits"], tuple(strings), tuple(coefficients))
        depth = max(4, entry["qubits"])
        ansatz = hardware_efficient(entry["qubits"], depth, final_rotations=True)
        solve = jax.jit(
            lambda key, energy=energy, ansatz=ansatz: (
                vqe(energy, key, ansatz=ansatz, options=options).cost
            )
        )
        exact = ground_energy(energy)
        errors = np.array([float(solve(jax.random.key(s))) for s in range(seeds)])
        errors -= exact
        yield {
            "molecule": entry["name"],
            "qubits": entry["qubits"],
            "exact": exact,
            "mean error": float(errors.mean()),
            "worst error": float(errors.max()),
            "accurate": f"{int((errors < CHEMICAL_ACCURACY).sum())} of {seeds}",
        }


def read_molecules(folder: str, most_qubits: int) -> list[dict[str, Any]]:
    """The Hamiltonians of the data folder, smallest first.

    Args:
      folder: holds `quantum_chemistry/hamiltonians.json`.
      most_qubits: larger ones are left out.

    Returns:
      The entries.
    """
    path = pathlib.Path(folder) / "quantum_chemistry" / "hamiltonians.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    small = [entry for entry in entries if entry["qubits"] <= most_qubits]
    return sorted(small, key=lambda entry: entry["qubits"])


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    folder = _DATA_DIR.value or os.environ.get("QNAS_DATA_DIR")
    if not folder:
        raise app.UsageError("--data_dir: got nothing, expected the data folder")
    entries = read_molecules(folder, _MOST_QUBITS.value)
    rows = list(run(entries, _SEEDS.value, _STEPS.value))
    print(table(rows, COLUMNS))
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the data")
    _SEEDS = flags.DEFINE_integer("seeds", 3, "runs of each molecule", lower_bound=1)
    _MOST_QUBITS = flags.DEFINE_integer("most_qubits", 8, "larger ones are left out")
    _STEPS = flags.DEFINE_integer("steps", 800, "of the optimiser", lower_bound=1)
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
