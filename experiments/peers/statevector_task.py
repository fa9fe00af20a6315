"""What every state-vector simulator is given in `benches.statevector`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[], Any]
"""What is timed; everything else was prepared before."""


@dataclasses.dataclass(frozen=True)
class Task:
    """A dense Ising cost with fields, and angles.

    Attributes:
      fields: [n] the h_i.
      couplings: [n, n] the J_ij above the diagonal.
      diagonal: float32 [2^n] costs of all bit strings, qubit 0 most significant.
      gammas: [p], or [B, p] for a batch.
      betas: like `gammas`.
    """

    fields: np.ndarray
    couplings: np.ndarray
    diagonal: np.ndarray
    gammas: np.ndarray
    betas: np.ndarray

    @property
    def num_qubits(self) -> int:
        """N."""
        return len(self.fields)

    @property
    def pairs(self) -> list[tuple[int, int, float]]:
        """(i, j, J_ij) of all pairs."""
        i, j = np.triu_indices(self.num_qubits, k=1)
        return [(int(a), int(b), float(self.couplings[a, b])) for a, b in zip(i, j)]  # noqa: B905

    def settings(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The settings of a batch."""
        return list(zip(self.gammas, self.betas, strict=True))
