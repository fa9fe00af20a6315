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
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Run = Callable[[], Any]


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


def qokit_value(task: Task) -> Run:
    """QOKit's C simulator, float64; its phases are exp(-i gamma C / 2)."""
    from qokit.fur import QAOAFURXSimulatorC

    simulator = QAOAFURXSimulatorC(task.num_qubits, costs=_reversed_bits(task))

    def run() -> float:
        result = simulator.simulate_qaoa(2 * task.gammas, task.betas)
        return simulator.get_expectation(result)

    return run


def qokit_diagonal(task: Task) -> Run:
    """QOKit's C precomputation of the cost of every string."""
    from qokit.fur import QAOAFURXSimulatorC

    last = task.num_qubits - 1  # its qubit 0 is the least significant
    terms: list[tuple[float, tuple[int, ...]]]
    terms = [(float(h), (last - i,)) for i, h in enumerate(task.fields)]
    terms += [(c, (last - i, last - j)) for i, j, c in task.pairs]

    def run() -> np.ndarray:
        simulator = QAOAFURXSimulatorC(task.num_qubits, terms=terms)
        return np.asarray(simulator.get_cost_diagonal())

    return run


def _reversed_bits(task: Task) -> np.ndarray:
    """The diagonal with qubit 0 least significant."""
    axes = range(task.num_qubits)[::-1]
    return task.diagonal.reshape([2] * task.num_qubits).transpose(*axes).reshape(-1)


def lightning_value(task: Task) -> Run:
    """PennyLane-Lightning: gates, probabilities."""
    import pennylane as qml

    device = qml.device("lightning.qubit", wires=task.num_qubits, c_dtype=np.complex64)

    @qml.qnode(device)
    def circuit() -> Any:
        _lightning_layers(task, task.gammas, task.betas)
        return qml.probs(wires=range(task.num_qubits))

    return lambda: float(circuit() @ task.diagonal)


def lightning_gradient(task: Task) -> Run:
    """PennyLane-Lightning: gates, adjoint differentiation."""
    import pennylane as qml
    from pennylane import numpy as qnp

    device = qml.device("lightning.qubit", wires=task.num_qubits, c_dtype=np.complex64)
    terms = [(h, qml.PauliZ(i)) for i, h in enumerate(task.fields)]
    terms += [(c, qml.PauliZ(i) @ qml.PauliZ(j)) for i, j, c in task.pairs]
    cost = qml.Hamiltonian(*zip(*terms, strict=True))

    @qml.qnode(device, diff_method="adjoint")
    def circuit(angles: Any) -> Any:
        _lightning_layers(task, angles[0], angles[1])
        return qml.expval(cost)

    angles = qnp.array(np.stack([task.gammas, task.betas]), requires_grad=True)
    slopes = qml.grad(circuit)
    return lambda: slopes(angles)


def _lightning_layers(task: Task, gammas: Any, betas: Any) -> None:
    """Puts the circuit on the tape; Lightning has no diagonal without its matrix."""
    import pennylane as qml

    wires = range(task.num_qubits)
    for wire in wires:
        qml.Hadamard(wire)
    for gamma, beta in zip(gammas, betas, strict=True):
        for wire in wires:
            qml.RZ(2 * gamma * task.fields[wire], wires=wire)
        for i, j, coupling in task.pairs:
            qml.IsingZZ(2 * gamma * coupling, wires=(i, j))
        for wire in wires:
            qml.RX(2 * beta, wires=wire)


def lightning_grover(task: Task, marked: int, iterations: int) -> Run:
    """PennyLane-Lightning: its operators for the oracle and the reflection."""
    import pennylane as qml

    device = qml.device("lightning.qubit", wires=task.num_qubits, c_dtype=np.complex64)
    wires = list(range(task.num_qubits))
    bits = [marked >> place & 1 for place in reversed(wires)]

    @qml.qnode(device)
    def circuit() -> Any:
        for wire in wires:
            qml.Hadamard(wire)
        for _ in range(iterations):
            qml.FlipSign(bits, wires=wires)
            qml.GroverOperator(wires=wires)
        return qml.probs(wires=wires)

    return lambda: float(circuit()[marked])


def qsim_value(task: Task) -> Run:
    """Qsim through cirq: fused gates, all cores."""
    import os

    import cirq
    import qsimcirq

    qubits = cirq.LineQubit.range(task.num_qubits)
    circuit = cirq.Circuit(cirq.H.on_each(*qubits))
    for gamma, beta in zip(task.gammas, task.betas, strict=True):
        circuit += [
            cirq.rz(2 * gamma * h).on(q)
            for h, q in zip(task.fields, qubits, strict=True)
        ]
        circuit += [
            cirq.ZZPowGate(exponent=2 * gamma * c / np.pi, global_shift=-0.5).on(
                qubits[i], qubits[j]
            )
            for i, j, c in task.pairs
        ]
        circuit += [cirq.rx(2 * beta).on(q) for q in qubits]
    options = qsimcirq.QSimOptions(
        max_fused_gate_size=4, cpu_threads=os.cpu_count() or 1
    )
    simulator = qsimcirq.QSimSimulator(options)

    def run() -> float:
        state = simulator.simulate(circuit, qubit_order=qubits).final_state_vector
        return _mean_cost(state, task.diagonal)

    return run


def aer_value(task: Task) -> Run:
    """qiskit-aer, statevector, single precision."""
    import qiskit
    import qiskit_aer

    last = task.num_qubits - 1
    circuit = qiskit.QuantumCircuit(task.num_qubits)
    circuit.h(range(task.num_qubits))
    for gamma, beta in zip(task.gammas, task.betas, strict=True):
        for qubit, field in enumerate(task.fields):
            circuit.rz(2 * gamma * field, last - qubit)
        for i, j, coupling in task.pairs:
            circuit.rzz(2 * gamma * coupling, last - i, last - j)
        circuit.rx(2 * beta, range(task.num_qubits))
    circuit.save_statevector()
    backend = qiskit_aer.AerSimulator(method="statevector", precision="single")

    def run() -> float:
        state = np.asarray(backend.run(circuit).result().get_statevector())
        return _mean_cost(state, task.diagonal)

    return run


def _mean_cost(state: np.ndarray, diagonal: np.ndarray) -> float:
    weights = state.real**2 + state.imag**2
    return float(weights @ diagonal)


def _tensorcircuit_cost(task: Task) -> Callable[[Any, Any], Any]:
    import tensorcircuit

    tensorcircuit.set_backend("jax")
    diagonal, size = jnp.asarray(task.diagonal), task.diagonal.size

    def cost(gammas: Any, betas: Any) -> Any:
        state = jnp.full(size, size**-0.5, jnp.complex64)
        for layer in range(gammas.shape[0]):
            state = state * jnp.exp(-1j * gammas[layer] * diagonal)
            circuit = tensorcircuit.Circuit(task.num_qubits, inputs=state)
            for qubit in range(task.num_qubits):
                circuit.rx(qubit, theta=2 * betas[layer])
            state = circuit.state()
        return jnp.sum(jnp.abs(state) ** 2 * diagonal)

    return cost


def tensorcircuit_runs(kind: str) -> Callable[[Task], Run]:
    """TensorCircuit-NG on JAX: diagonals as products, gates by contraction.

    Args:
      kind: "value", "gradient", "batch" or "batch_gradient".

    Returns:
      The function of `Peer`.
    """

    def prepare(task: Task) -> Run:
        function = _tensorcircuit_cost(task)
        return _compiled(function, task, kind)

    return prepare


def qujax_value(task: Task) -> Run:
    """qujax: gates, compiled by JAX."""
    import qujax

    gates = ["H"] * task.num_qubits
    qubits = [[q] for q in range(task.num_qubits)]
    places: list[list[int]] = [[] for _ in range(task.num_qubits)]
    scales: list[tuple[int, int, float]] = []

    def add(gate: str, on: list[int], row: int, layer: int, scale: float) -> None:
        gates.append(gate)
        qubits.append(on)
        places.append([len(scales)])
        scales.append((row, layer, scale))

    for layer in range(len(task.gammas)):
        for qubit, field in enumerate(task.fields):
            add("Rz", [qubit], 0, layer, 2 * field / np.pi)
        for i, j, coupling in task.pairs:
            add("ZZPhase", [i, j], 0, layer, 2 * coupling / np.pi)
        for qubit in range(task.num_qubits):
            add("Rx", [qubit], 1, layer, 2 / np.pi)
    angles = np.stack([task.gammas, task.betas])
    params = jnp.asarray([angles[r, k] * s for r, k, s in scales], jnp.float32)
    state_of = qujax.get_params_to_statetensor_func(gates, qubits, places)
    diagonal = jnp.asarray(task.diagonal)

    @jax.jit
    def cost(params: Any) -> Any:
        return jnp.sum(jnp.abs(state_of(params).reshape(-1)) ** 2 * diagonal)

    return lambda: cost(params)


def _compiled(function: Callable[[Any, Any], Any], task: Task, kind: str) -> Run:
    """A function of (gammas, betas) as one of the four kinds of `Peer`."""
    if kind.endswith("gradient"):
        slopes = jax.grad(function, argnums=(0, 1))

        def function(gammas: Any, betas: Any) -> Any:
            return jnp.stack(slopes(gammas, betas))

    if kind.startswith("batch"):
        function = jax.vmap(function)
    compiled = jax.jit(function)
    angles = jnp.float32(task.gammas), jnp.float32(task.betas)
    return lambda: compiled(*angles)


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
