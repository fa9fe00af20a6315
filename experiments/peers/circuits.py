"""The same circuits in other simulators, for `benches.circuits`.

Each peer takes a `Circuit` and the values of its parameters and gives a function
without arguments that returns the state [2**n], qubit 0 the most significant, in single
precision; some also give the gradient of <Z_0>. Only those that can be imported are
measured.
"""

import importlib.util
import math
import os
from collections.abc import Callable
from typing import Any

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
_MAX_ADJOINT_PARAMS = 1500
_MAX_TRACED_PARAMS = 200  # compiling takes minutes beyond


def available_peers() -> dict[str, Callable[[Circuit, np.ndarray], StateFn]]:
    """Peers that are installed, by name."""
    makers = (qsim, aer, lightning, tensorcircuit)
    return {
        name: make
        for (name, module), make in zip(PEERS.items(), makers, strict=True)
        if importlib.util.find_spec(module)
    }


def gradient_peers(
    circuit: Circuit,
) -> dict[str, Callable[[Circuit, np.ndarray], StateFn]]:
    """Installed peers that give the gradient of <Z_0> of a circuit in bearable time."""
    bounds = {
        "lightning": (_MAX_ADJOINT_PARAMS, lightning_gradient),
        "tensorcircuit": (_MAX_TRACED_PARAMS, tensorcircuit_gradient),
    }
    return {
        name: make
        for name, (bound, make) in bounds.items()
        if name in available_peers() and circuit.num_params <= bound
    }


def bound_operations(
    circuit: Circuit, values: Any
) -> list[tuple[Operation, list[Any]]]:
    """Operations with their angles, for parameter values [num_params].

    Raises:
      ValueError: a gate that the peers below do not translate.
    """
    bound = []
    for operation in circuit.operations:
        if operation.gate not in _GATES or operation.num_controls:
            raise ValueError(f"peers are given {_GATES} only, got {operation}")
        angles = [
            a.scale * values[a.index] + a.offset if isinstance(a, Param) else a
            for a in operation.params
        ]
        bound.append((operation, angles))
    return bound


def qsim(circuit: Circuit, values: np.ndarray) -> StateFn:
    """Google's qsim; fusing up to three qubits took less time than two or four."""
    import cirq
    import qsimcirq

    line = cirq.LineQubit.range(circuit.num_qubits)
    theirs = cirq.Circuit()
    for operation, angles in bound_operations(circuit, values):
        theirs.append(_cirq_gates(operation, angles, line))
    options = {"f": 3, "t": os.cpu_count()}
    simulator = qsimcirq.QSimSimulator(qsim_options=options)

    def run() -> np.ndarray:
        return simulator.simulate(theirs, qubit_order=line).state_vector()

    return run


def _cirq_gates(operation: Operation, angles: list[Any], line: list) -> list:
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


def lightning_gradient(circuit: Circuit, values: np.ndarray) -> StateFn:
    """Gradient of <Z_0> by lightning.qubit's adjoint method, an entry an angle."""
    import pennylane as qml

    device = qml.device(
        "lightning.qubit", wires=circuit.num_qubits, c_dtype=np.complex64
    )
    tape = []
    for operation, angles in bound_operations(circuit, values):
        (on, *_), every = operation.qubits, operation.qubits
        if operation.gate == "u":
            theta, phi, lam = angles
            tape += [qml.RZ(lam, on), qml.RY(theta, on), qml.RZ(phi, on)]
        elif operation.gate == "cx":
            tape.append(qml.CNOT(every))
        else:
            tape.append({"ry": qml.RY, "rz": qml.RZ}[operation.gate](angles[0], on))
    script = qml.tape.QuantumScript(tape, [qml.expval(qml.PauliZ(0))])
    config = qml.devices.ExecutionConfig(gradient_method="adjoint")

    def run() -> np.ndarray:
        return np.asarray(device.compute_derivatives(script, config))

    return run


def tensorcircuit(circuit: Circuit, values: np.ndarray) -> StateFn:
    """TensorCircuit with its JAX backend, compiled."""
    import jax.numpy as jnp

    state = _tensorcircuit_state(circuit)
    run = _tensorcircuit_backend().jit(state)
    params = jnp.asarray(values, jnp.float32)
    return lambda: np.asarray(run(params))


def tensorcircuit_gradient(circuit: Circuit, values: np.ndarray) -> StateFn:
    """Gradient of <Z_0> by differentiating TensorCircuit's contraction."""
    import jax.numpy as jnp

    backend, state = _tensorcircuit_backend(), _tensorcircuit_state(circuit)
    half = 2 ** (circuit.num_qubits - 1)

    def first_z(params: Any) -> Any:
        weights = jnp.abs(state(params)) ** 2
        return jnp.sum(weights[:half]) - jnp.sum(weights[half:])

    run = backend.jit(backend.grad(first_z))
    params = jnp.asarray(values, jnp.float32)
    return lambda: np.asarray(run(params))


def _tensorcircuit_backend() -> Any:
    import tensorcircuit as tc

    tc.set_dtype("complex64")
    return tc.set_backend("jax")


def _tensorcircuit_state(circuit: Circuit) -> Callable[[Any], Any]:
    import tensorcircuit as tc

    def state(params: Any) -> Any:
        theirs = tc.Circuit(circuit.num_qubits)
        for operation, angles in bound_operations(circuit, params):
            if operation.gate == "u":
                theta, phi, lam = angles
                theirs.u(*operation.qubits, theta=theta, phi=phi, lbd=lam)
            else:
                named = {"theta": angles[0]} if angles else {}
                getattr(theirs, operation.gate)(*operation.qubits, **named)
        return theirs.state()

    return state


def state_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two states after their global phases are made equal."""
    overlap = np.vdot(a, b)
    turn = overlap / abs(overlap) if abs(overlap) > math.ulp(1.0) else 1.0
    return float(np.max(np.abs(b - turn * a)))
