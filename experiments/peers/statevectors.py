"""Other state-vector simulators, each behind the same few functions.

A peer takes a `Task` and returns a function of no arguments that computes one number or
one gradient. Whatever can be prepared once (circuits, diagonals, compiled programs) is
prepared before; what is timed is what each call of an optimiser would cost. Every peer
is used in the fastest of the usual ways: given diagonals where it takes them, else
gates RZ, RZZ and RX. Angles: phases exp(-i gamma C), mixer exp(-i beta X).
"""

import dataclasses
import importlib.util
from collections.abc import Callable

import numpy as np

from experiments.peers.compiled_simulators import (
    aer_value,
    lightning_gradient,
    lightning_grover,
    lightning_value,
    qokit_diagonal,
    qokit_value,
    qsim_value,
)
from experiments.peers.jax_simulators import qujax_value, tensorcircuit_runs
from experiments.peers.statevector_task import Run, Task


@dataclasses.dataclass(frozen=True)
class Peer:
    """A simulator.

    Attributes:
      module: what has to be importable.
      value: task -> function that returns the expected cost.
      gradient: task -> function that returns slopes [2, p] (gammas, betas), or None.
      batch: task -> function that returns [B] values, or None: a loop over `value`.
      batch_gradient: task -> function that returns [B, 2, p], or None.
      grover: (task, marked index, iterations) -> function that returns the probability
        of the marked string, or None.
      diagonal: task -> function that returns the costs of all strings [2^n] from
        fields and couplings, or None.
    """

    module: str
    value: Callable[[Task], Run]
    gradient: Callable[[Task], Run] | None = None
    batch: Callable[[Task], Run] | None = None
    batch_gradient: Callable[[Task], Run] | None = None
    grover: Callable[[Task, int, int], Run] | None = None
    diagonal: Callable[[Task], Run] | None = None

    def available(self) -> bool:
        """Whether it can be imported."""
        parts = self.module.split(".")
        return all(
            importlib.util.find_spec(".".join(parts[: k + 1])) is not None
            for k in range(len(parts))
        )


def loop(prepare: Callable[[Task], Run]) -> Callable[[Task], Run]:
    """A batch by one run after the other."""

    def prepare_all(task: Task) -> Run:
        runs = [
            prepare(dataclasses.replace(task, gammas=gammas, betas=betas))
            for gammas, betas in task.settings()
        ]
        return lambda: np.stack([np.asarray(run()) for run in runs])

    return prepare_all


PEERS: dict[str, Peer] = {
    "QOKit": Peer(
        "qokit.fur", qokit_value, batch=loop(qokit_value), diagonal=qokit_diagonal
    ),
    "Lightning": Peer(
        "pennylane_lightning.lightning_qubit",
        lightning_value,
        lightning_gradient,
        loop(lightning_value),
        loop(lightning_gradient),
        lightning_grover,
    ),
    "qsim": Peer("qsimcirq", qsim_value, batch=loop(qsim_value)),
    "Aer": Peer("qiskit_aer", aer_value, batch=loop(aer_value)),
    "TensorCircuit": Peer(
        "tensorcircuit",
        tensorcircuit_runs("value"),
        tensorcircuit_runs("gradient"),
        tensorcircuit_runs("batch"),
        tensorcircuit_runs("batch_gradient"),
    ),
    "qujax": Peer("qujax", qujax_value),
}
