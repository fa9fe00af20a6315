"""State-vector simulators written in C and C++: QOKit, Lightning, qsim and Aer.

Each function prepares a task once, see `statevector_peers`.
"""

from typing import Any

import numpy as np

from experiments.peers.statevector_task import Run, Task


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
