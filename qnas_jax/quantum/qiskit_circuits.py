"""Circuits to and from Qiskit. Qubit i stays qubit i; only its basis index differs."""

from typing import Any

import numpy as np

from qnas_jax.quantum.circuit import Angle, Circuit, Operation, Param
from qnas_jax.quantum.gates import GATES

_NO_GATE = {"barrier", "id", "delay"}


def import_qiskit() -> Any:
    """Qiskit with the modules used here.

    Raises:
      ImportError: it is not installed.
    """
    try:
        import qiskit
        import qiskit.circuit.library
        import qiskit.transpiler
    except ImportError as error:
        raise ImportError(
            "this needs Qiskit: pip install 'qnas_jax[quantum]'"
        ) from error
    return qiskit


def to_qiskit(circuit: Circuit, params: Any = ()) -> Any:
    """A `qiskit.QuantumCircuit` with numbers as angles.

    Args:
      circuit: what to convert.
      params: [num_params] values of its parameters.

    Returns:
      The circuit without measurements.

    Raises:
      ValueError: params has a wrong length.
      ImportError: Qiskit is not installed.
    """
    qiskit = import_qiskit()
    values = np.asarray(params, np.float64).reshape(-1)
    if values.size != circuit.num_params:
        raise ValueError(
            f"params: got {values.size} numbers, expected {circuit.num_params}"
        )
    known = qiskit.circuit.library.get_standard_gate_name_mapping()
    result = qiskit.QuantumCircuit(circuit.num_qubits)
    for operation in circuit.operations:
        angles = [_number(angle, values) for angle in operation.params]
        gate = known[operation.gate].base_class(*angles)
        if operation.num_controls:
            gate = gate.control(operation.num_controls, annotated=False)
        result.append(gate, list(operation.qubits))
    return result


def from_qiskit(circuit: Any) -> Circuit:
    """A circuit from a `qiskit.QuantumCircuit`; its global phase is dropped.

    Args:
      circuit: of gates in `gates.GATES` with numbers as angles. Barriers, identities
        and delays are left out.

    Returns:
      The circuit.

    Raises:
      ValueError: some instruction is not such a gate.
    """
    operations = []
    for instruction in circuit.data:
        name = instruction.operation.name
        if name in _NO_GATE:
            continue
        if name not in GATES:
            raise ValueError(
                f"got the instruction {name!r}, expected gates among {list(GATES)}; "
                "transpile to these first"
            )
        qubits = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        params = tuple(float(value) for value in instruction.operation.params)
        operations.append(Operation(name, qubits, params))
    return Circuit(circuit.num_qubits, tuple(operations))


def _number(angle: Angle, values: np.ndarray) -> float:
    if isinstance(angle, Param):
        return float(angle.scale * values[angle.index] + angle.offset)
    return float(angle)
