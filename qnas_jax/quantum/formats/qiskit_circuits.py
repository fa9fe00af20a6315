"""Circuits to and from Qiskit. Qubit i stays qubit i; only its basis index differs."""

import math
import re
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Angle, Circuit, Operation, Param

_NO_GATE = ("barrier", "id", "delay")


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
      UserError: params has a wrong length.
      ImportError: Qiskit is not installed.
    """
    qiskit = import_qiskit()
    values = np.asarray(params, np.float64).reshape(-1)
    if values.size != circuit.num_params:
        raise UserError(
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
      circuit: of gates. Free parameters become `Param`s in the order of their names,
        numbers in names by value (theta_2 before theta_10); angles may depend on them
        linearly. Barriers, identities and delays are left out.

    Returns:
      The circuit; what `gates.GATES` lacks (matrices, powers, instructions made of
      circuits) is replaced by its definition, and that by gates.

    Raises:
      UserError: measurements, resets, classical control, what has no definition, or an
        angle that is not linear in one parameter.
    """
    names = sorted((p.name for p in circuit.parameters), key=_natural)
    order = {name: index for index, name in enumerate(names)}
    operations = _convert_all(circuit, tuple(range(circuit.num_qubits)), (), order)
    return Circuit(circuit.num_qubits, tuple(operations))


def _number(angle: Angle, values: np.ndarray) -> float:
    if isinstance(angle, Param):
        return float(angle.scale * values[angle.index] + angle.offset)
    return float(angle)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts numbers in names by value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _convert_all(
    source: Any, qubits: tuple[int, ...], controls: tuple[int, ...], order: dict
) -> list[Operation]:
    """Operations of a qiskit circuit that acts on some qubits, under controls."""
    place = {bit: qubit for bit, qubit in zip(source.qubits, qubits, strict=True)}
    operations = []
    for instruction in source.data:
        inner = tuple(place[bit] for bit in instruction.qubits)
        operations += _convert(instruction.operation, inner, controls, order)
    if controls and source.global_phase:
        phase = (_angle(source.global_phase, order),)
        operations.append(Operation("p", controls, phase, len(controls) - 1))
    return operations


def _convert(
    gate: Any, qubits: tuple[int, ...], controls: tuple[int, ...], order: dict
) -> list[Operation]:
    """Operations of one qiskit instruction."""
    from qiskit.circuit import AnnotatedOperation, ControlledGate, Gate

    if gate.name in _NO_GATE:
        return []
    if isinstance(gate, AnnotatedOperation):
        gate = _modified(gate)
    if not isinstance(gate, Gate):
        return _convert_all(_definition(gate), qubits, controls, order)
    simple = _standard(gate, order)
    if simple is not None:
        name, angles = simple
        return [Operation(name, controls + qubits, angles, len(controls))]
    if isinstance(gate, ControlledGate) and gate.name != "cu":
        count = gate.num_ctrl_qubits
        own, rest = qubits[:count], qubits[count:]
        inner = _convert(gate.base_gate, rest, controls + own, order)
        zeros = [q for i, q in enumerate(own) if not gate.ctrl_state >> i & 1]
        flips = [Operation("x", (qubit,)) for qubit in zeros]
        return flips + inner + flips
    return _convert_all(_definition(gate), qubits, controls, order)


def _definition(operation: Any) -> Any:
    """The circuit that an operation stands for, its own or one that Qiskit finds."""
    from qiskit.circuit import Gate

    found = getattr(operation, "definition", None)
    if found is None:
        found = _synthesised(operation)
    if found is not None:
        return found
    if isinstance(operation, Gate):
        raise UserError(
            f"gate {operation.name!r} has no definition and is not a known gate"
        )
    raise UserError(
        f"{operation.name!r} is not a gate: measurements, resets and classical control "
        "cannot be read; remove them from the program"
    )


def _synthesised(operation: Any) -> Any | None:
    """A circuit of a permutation or a Clifford operator, say; None of a measurement."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import ControlFlowOp
    from qiskit.exceptions import QiskitError
    from qiskit.transpiler.passes import HighLevelSynthesis

    if operation.num_clbits or isinstance(operation, ControlFlowOp):
        return None
    alone = QuantumCircuit(operation.num_qubits)
    try:
        alone.append(operation, alone.qubits)
        found = HighLevelSynthesis()(alone)
    except QiskitError:
        return None
    names = {instruction.operation.name for instruction in found.data}
    return None if operation.name in names else found


def _modified(operation: Any) -> Any:
    """The gate of an operation with modifiers, which Qiskit may keep for later."""
    from qiskit.circuit import AnnotatedOperation, ControlModifier, InverseModifier

    gate = operation.base_op
    if isinstance(gate, AnnotatedOperation):
        gate = _modified(gate)
    try:
        for modifier in operation.modifiers:
            if isinstance(modifier, InverseModifier):
                gate = gate.inverse()
            elif isinstance(modifier, ControlModifier):
                gate = gate.control(
                    modifier.num_ctrl_qubits,
                    ctrl_state=modifier.ctrl_state,
                    annotated=False,
                )
            else:
                gate = gate.power(modifier.power)
    except Exception as error:
        raise UserError(
            f"{operation.name!r} cannot be written as gates: "
            f"{' '.join(str(error).split())}; bind its parameters, or decompose it"
        ) from error
    return gate


_UNCONTROLLED = ("h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "sxdg", "swap")
_WITH_ANGLES = ("rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "u")
_NATIVE_CONTROLLED = ("cx", "cy", "cz", "ch", "crx", "cry", "crz", "cp")


def _standard(gate: Any, order: dict) -> tuple[str, tuple[Angle, ...]] | None:
    """Name and angles of a gate of qiskit's library that we have too."""
    if not gate.base_class.__module__.startswith("qiskit.circuit.library"):
        return None
    name = {"u1": "p", "u2": "u", "u3": "u"}.get(gate.name, gate.name)
    if name in _NATIVE_CONTROLLED:
        if gate.ctrl_state != 1:
            return None
    elif name not in _UNCONTROLLED + _WITH_ANGLES:
        # Parameters of others may be matrices or words.
        return None
    angles = tuple(_angle(angle, order) for angle in gate.params)
    return name, ((math.pi / 2, *angles) if gate.name == "u2" else angles)


def _angle(value: Any, order: dict) -> Angle:
    """A number, or a linear function of one input."""
    if isinstance(value, int | float):
        return float(value)
    if not value.parameters:
        return float(value)
    if len(value.parameters) == 1:
        (symbol,) = value.parameters
        scale, offset = value.gradient(symbol), value.bind({symbol: 0.0})
        if isinstance(scale, int | float) or not scale.parameters:
            return Param(order[symbol.name], float(scale), float(offset))
    raise UserError(f"angle {value} is not linear in one input; rewrite the program")
