"""The same circuits in other simulators, for `bench_circuits`.

Each peer takes a `Circuit` and the values of its parameters and gives a function
without arguments that returns the state [2**n], qubit 0 the most significant, in single
precision. Only those that can be imported are measured.
"""

import importlib.util
import math
from collections.abc import Callable

import numpy as np

from qnas_jax.quantum.circuit import Circuit, Operation, Param

StateFn = Callable[[], np.ndarray]
PEERS = {
    "qsim": "qsimcirq",
    "aer": "qiskit_aer",
    "lightning": "pennylane_lightning",
    "tensorcircuit": "tensorcircuit",
}
"""Packages of the peers."""
_GATES = ("u", "ry", "rz", "cx")


def available_peers() -> dict[str, Callable[[Circuit, np.ndarray], StateFn]]:
    """Peers that are installed, by name."""
    makers = (qsim, aer, lightning, tensorcircuit)
    return {
        name: make
        for (name, module), make in zip(PEERS.items(), makers, strict=True)
        if importlib.util.find_spec(module)
    }


def bound_operations(
    circuit: Circuit, values: np.ndarray
) -> list[tuple[Operation, list[float]]]:
    """Operations with numbers as angles.

    Raises:
      ValueError: a gate that the peers below do not translate.
    """
    bound = []
    for operation in circuit.operations:
        if operation.gate not in _GATES or operation.num_controls:
            raise ValueError(f"peers are given {_GATES} only, got {operation}")
        angles = [
            float(a.scale * values[a.index] + a.offset) if isinstance(a, Param) else a
            for a in operation.params
        ]
        bound.append((operation, angles))
    return bound


def qsim(circuit: Circuit, values: np.ndarray) -> StateFn:
    """Google's qsim, with gates fused up to four qubits."""
    import cirq
    import qsimcirq

    line = cirq.LineQubit.range(circuit.num_qubits)
    theirs = cirq.Circuit()
    for operation, angles in bound_operations(circuit, values):
        theirs.append(_cirq_gates(operation, angles, line))
    options = {"f": 4, "t": 2}
    simulator = qsimcirq.QSimSimulator(qsim_options=options)

    def run() -> np.ndarray:
        return simulator.simulate(theirs, qubit_order=line).state_vector()

    return run


def _cirq_gates(operation: Operation, angles: list[float], line: list) -> list:
    import cirq

    on = [line[qubit] for qubit in operation.qubits]
    if operation.gate == "cx":
        return [cirq.CNOT(*on)]
    if operation.gate == "u":
        theta, phi, lam = angles
        # u is defined up to the phase that states are compared without
        return [cirq.rz(lam)(*on), cirq.ry(theta)(*on), cirq.rz(phi)(*on)]
    return [{"ry": cirq.ry, "rz": cirq.rz}[operation.gate](angles[0])(*on)]


def aer(circuit: Circuit, values: np.ndarray) -> StateFn:
    """Qiskit Aer's state vector method."""
    from qiskit import QuantumCircuit
    from qiskit_aer import AerSimulator

    last = circuit.num_qubits - 1
    theirs = QuantumCircuit(circuit.num_qubits)
    for operation, angles in bound_operations(circuit, values):
        on = [last - qubit for qubit in operation.qubits]
        getattr(theirs, operation.gate)(*angles, *on)
    theirs.save_statevector()
    simulator = AerSimulator(method="statevector", precision="single")

    def run() -> np.ndarray:
        return np.asarray(simulator.run(theirs).result().get_statevector())

    return run


def lightning(circuit: Circuit, values: np.ndarray) -> StateFn:
    """PennyLane's lightning.qubit."""
    import pennylane as qml

    device = qml.device(
        "lightning.qubit", wires=circuit.num_qubits, c_dtype=np.complex64
    )
    names = {"u": qml.U3, "ry": qml.RY, "rz": qml.RZ, "cx": qml.CNOT}
    tape = [
        names[operation.gate](*angles, wires=operation.qubits)
        for operation, angles in bound_operations(circuit, values)
    ]
    script = qml.tape.QuantumScript(tape, [qml.state()])

    def run() -> np.ndarray:
        return np.asarray(device.execute(script))

    return run


def tensorcircuit(circuit: Circuit, values: np.ndarray) -> StateFn:
    """TensorCircuit with its JAX backend, compiled."""
    import jax
    import tensorcircuit as tc

    backend = tc.set_backend("jax")
    tc.set_dtype("complex64")
    bound = bound_operations(circuit, values)

    def state() -> jax.Array:
        theirs = tc.Circuit(circuit.num_qubits)
        for operation, angles in bound:
            if operation.gate == "u":
                theta, phi, lam = angles
                theirs.u(*operation.qubits, theta=theta, phi=phi, lbd=lam)
            else:
                named = {"theta": angles[0]} if angles else {}
                getattr(theirs, operation.gate)(*operation.qubits, **named)
        return theirs.state()

    run = backend.jit(state)
    return lambda: np.asarray(run())


def state_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two states after their global phases are made equal."""
    overlap = np.vdot(a, b)
    turn = overlap / abs(overlap) if abs(overlap) > math.ulp(1.0) else 1.0
    return float(np.max(np.abs(b - turn * a)))
