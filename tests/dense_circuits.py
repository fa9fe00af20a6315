"""Random circuits, and NumPy's idea of what circuits do; written independently."""

import functools

import numpy as np

from qnas_jax.quantum.circuit import Circuit, Operation, Param
from qnas_jax.quantum.gates import GATES

I2, X, Z = np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1, -1])
Y = np.array([[0, -1j], [1j, 0]])
H = (X + Z) / np.sqrt(2)
ONE = np.diag([0, 1])
ZERO = np.diag([1, 0])
PAULIS = {"I": I2, "X": X, "Y": Y, "Z": Z}


def kron(*factors):
    return functools.reduce(np.kron, factors)


def rotation(pauli, angle):
    """exp(-i angle/2 P) by diagonalisation."""
    values, vectors = np.linalg.eigh(pauli)
    return vectors @ np.diag(np.exp(-0.5j * angle * values)) @ vectors.conj().T


def phase(angle):
    return np.diag([1, np.exp(1j * angle)])


def controlled(matrix):
    return kron(ZERO, np.eye(len(matrix))) + kron(ONE, matrix)


def euler(theta, phi, lam):
    return phase(phi) @ rotation(Y, theta) @ phase(lam)


MATRICES = {
    "h": lambda: H,
    "x": lambda: X,
    "y": lambda: Y,
    "z": lambda: Z,
    "s": lambda: phase(np.pi / 2),
    "sdg": lambda: phase(-np.pi / 2),
    "t": lambda: phase(np.pi / 4),
    "tdg": lambda: phase(-np.pi / 4),
    "sx": lambda: H @ phase(np.pi / 2) @ H,
    "sxdg": lambda: H @ phase(-np.pi / 2) @ H,
    "rx": lambda a: rotation(X, a),
    "ry": lambda a: rotation(Y, a),
    "rz": lambda a: rotation(Z, a),
    "p": phase,
    "u": euler,
    "cx": lambda: controlled(X),
    "cy": lambda: controlled(Y),
    "cz": lambda: controlled(Z),
    "ch": lambda: controlled(H),
    "crx": lambda a: controlled(rotation(X, a)),
    "cry": lambda a: controlled(rotation(Y, a)),
    "crz": lambda a: controlled(rotation(Z, a)),
    "cp": lambda a: controlled(phase(a)),
    "swap": lambda: (kron(I2, I2) + kron(X, X) + kron(Y, Y) + kron(Z, Z)).real / 2,
    "rxx": lambda a: rotation(kron(X, X), a),
    "ryy": lambda a: rotation(kron(Y, Y), a),
    "rzz": lambda a: rotation(kron(Z, Z), a),
}


def operation_matrix(operation, params):
    """[2**k, 2**k] over the qubits of an operation, controls first."""
    angles = [
        a.scale * params[a.index] + a.offset if isinstance(a, Param) else a
        for a in operation.params
    ]
    matrix = MATRICES[operation.gate](*angles)
    for _ in range(operation.num_controls):
        matrix = controlled(matrix)
    return matrix


def dense_run(circuit, params=(), state=None):
    """The state in double precision: each matrix contracted with the state's axes."""
    n = circuit.num_qubits
    if state is None:
        state = np.zeros(2**n)
        state[0] = 1
    tensor = np.asarray(state, complex).reshape((2,) * n)
    for operation in circuit.operations:
        k = len(operation.qubits)
        matrix = operation_matrix(operation, params).reshape((2,) * (2 * k))
        # The new axes come first, in the order of the qubits.
        turned = np.tensordot(matrix, tensor, (range(k, 2 * k), operation.qubits))
        tensor = np.moveaxis(turned, range(k), operation.qubits)
    return tensor.reshape(-1)


def random_operation(rng, num_qubits, max_controls=3):
    """Any gate on any qubits with numbers as angles, some with controls."""
    while True:
        gate = GATES[str(rng.choice(sorted(GATES)))]
        num_controls = int(rng.choice([0, 0, *range(max_controls + 1)]))
        if gate.num_qubits + num_controls <= num_qubits:
            break
    qubits = rng.permutation(num_qubits)[: gate.num_qubits + num_controls]
    angles = tuple(float(a) for a in rng.uniform(-4, 4, gate.num_params))
    return Operation(gate.name, tuple(int(q) for q in qubits), angles, num_controls)


def random_circuit(seed, num_qubits, length, max_controls=3):
    rng = np.random.default_rng(seed)
    operations = [
        random_operation(rng, num_qubits, max_controls) for _ in range(length)
    ]
    return Circuit(num_qubits, tuple(operations))


def parametrised(circuit):
    """The circuit with a parameter for each angle, and the values of these."""
    values, operations = [], []
    for op in circuit.operations:
        params = []
        for angle in op.params:
            params.append(Param(len(values), 0.5, 0.25))
            values.append(2 * (angle - 0.25))
        operations.append(Operation(op.gate, op.qubits, tuple(params), op.num_controls))
    return Circuit(circuit.num_qubits, tuple(operations)), np.array(values)


def random_state(seed, num_qubits):
    rng = np.random.default_rng(seed)
    state = rng.normal(size=2**num_qubits) + 1j * rng.normal(size=2**num_qubits)
    return state / np.linalg.norm(state)
