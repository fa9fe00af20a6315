"""Small parametrised circuits for users and tests.

Sources: Kandala et al., "Hardware-efficient variational quantum eigensolver", Nature
2017; Sim et al., "Expressibility and entangling capability", Adv. Quantum Technol.
2019.
"""

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Circuit, Operation, Param

ENTANGLERS = ("ladder", "ring", "full", "cz_ladder")


def hardware_efficient(
    num_qubits: int,
    depth: int,
    entangler: str = "ladder",
    *,
    final_rotations: bool = False,
) -> Circuit:
    """Layers of RY and RZ on every qubit, each followed by entangling gates.

    Args:
      num_qubits: n.
      depth: layers.
      entangler: "ladder" (CX from each qubit to the next), "ring" (a ladder closed by a
        CX from the last qubit to the first), "full" (CX on every pair), "cz_ladder".
      final_rotations: one more layer of rotations at the end.

    Returns:
      A circuit with parameters [layer, (RY, RZ), qubit], flattened: 2 n a layer.

    Raises:
      UserError: no such entangler, or a negative depth.
    """
    if depth < 0:
        raise UserError(f"depth: got {depth}, expected 0 or more")
    operations: list[Operation] = []
    for layer in range(depth):
        operations += _rotations(num_qubits, layer) + _entangle(num_qubits, entangler)
    if final_rotations:
        operations += _rotations(num_qubits, depth)
    return Circuit(num_qubits, tuple(operations))


def ghz(num_qubits: int) -> Circuit:
    """(|0...0> + |1...1>) / sqrt(2) from |0...0>."""
    circuit = Circuit(num_qubits).add("h", 0)
    for qubit in range(num_qubits - 1):
        circuit = circuit.add("cx", (qubit, qubit + 1))
    return circuit


def _rotations(num_qubits: int, layer: int) -> list[Operation]:
    first = 2 * num_qubits * layer
    return [
        Operation(gate, (qubit,), (Param(first + row * num_qubits + qubit),))
        for row, gate in enumerate(("ry", "rz"))
        for qubit in range(num_qubits)
    ]


def _entangle(num_qubits: int, entangler: str) -> list[Operation]:
    if entangler not in ENTANGLERS:
        raise UserError(f"entangler is {entangler!r}; use one of {ENTANGLERS}")
    pairs = [(qubit, qubit + 1) for qubit in range(num_qubits - 1)]
    if entangler == "ring" and num_qubits > 2:
        pairs.append((num_qubits - 1, 0))
    if entangler == "full":
        pairs = [(a, b) for a in range(num_qubits) for b in range(a + 1, num_qubits)]
    gate = "cz" if entangler == "cz_ladder" else "cx"
    return [Operation(gate, pair) for pair in pairs]
