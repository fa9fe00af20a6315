"""Circuits as OpenQASM 3 text, and back (reading uses qiskit's parser).

Qubit i of a circuit is q[i]; since OpenQASM fixes no order of basis indices, nothing is
reversed. Global phases of the text are dropped, those under controls are kept.
"""

import math
import re
from typing import Any

from qnas_jax.quantum.circuit import Angle, Circuit, Operation, Param

_DEFINITIONS = {
    "rxx": "gate rxx(a) x, y { h x; h y; cx x, y; rz(a) y; cx x, y; h x; h y; }",
    "ryy": "gate ryy(a) x, y { rx(pi/2) x; rx(pi/2) y; cx x, y; rz(a) y; cx x, y; "
    "rx(-pi/2) x; rx(-pi/2) y; }",
    "rzz": "gate rzz(a) x, y { cx x, y; rz(a) y; cx x, y; }",
}


def to_qasm(circuit: Circuit, params: tuple[float, ...] = ()) -> str:
    """Writes a circuit as OpenQASM 3 with the standard gate library.

    Args:
      circuit: any.
      params: [num_params] numbers to bind; without them each `Param` becomes an input
        `theta_<index>`.

    Returns:
      The program; no measurements.

    Raises:
      ValueError: some parameters are given, but not enough.
    """
    values = [float(value) for value in params]
    if values and len(values) < circuit.num_params:
        raise ValueError(
            f"the circuit takes {circuit.num_params} parameters, got {len(values)}; "
            "give all of them, or none to keep them as inputs"
        )
    names = {operation.gate for operation in circuit.operations}
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";']
    if not values:
        lines += [f"input float[64] theta_{i};" for i in range(circuit.num_params)]
    lines += [text for name, text in _DEFINITIONS.items() if name in names]
    lines.append(f"qubit[{circuit.num_qubits}] q;")
    for operation in circuit.operations:
        lines += _statements(operation, values)
    return "\n".join(lines) + "\n"


def from_qasm(text: str) -> Circuit:
    """Reads an OpenQASM 3 program of gates.

    Args:
      text: the program. Inputs of type float or angle become parameters, in the order
        of their names, numbers in names by value (theta_2 before theta_10); gates may
        depend on them linearly. Qubits keep the order of their declaration.

    Returns:
      The circuit; gates that `gates.GATES` lacks are replaced by their definitions.

    Raises:
      ImportError: qiskit is missing.
      ValueError: the text cannot be parsed, or has measurements, resets, classical
        control, or angles that are not linear in one input.
    """
    try:
        from qiskit import qasm3
    except ImportError as error:
        raise ImportError(
            "reading OpenQASM needs qiskit: pip install 'qnas_jax[quantum]'"
        ) from error
    try:
        source = qasm3.loads(text)
    except Exception as error:
        raise ValueError(f"not a readable OpenQASM 3 program: {error}") from error
    names = sorted((p.name for p in source.parameters), key=_natural)
    order = {name: index for index, name in enumerate(names)}
    operations = _convert_all(source, tuple(range(source.num_qubits)), (), order)
    return Circuit(source.num_qubits, tuple(operations))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts numbers in names by value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _statements(operation: Operation, values: list[float]) -> list[str]:
    """One statement; three for u under controls, where its global phase matters."""
    count = operation.num_controls
    modifier = {0: "", 1: "ctrl @ "}.get(count, f"ctrl({count}) @ ")
    qubits = ", ".join(f"q[{qubit}]" for qubit in operation.qubits)
    angles = [_angle_text(angle, values) for angle in operation.params]
    if operation.gate == "u" and count:
        theta, phi, lam = angles
        calls = [f"p({lam})", f"ry({theta})", f"p({phi})"]
    elif operation.gate == "sxdg":
        calls = ["inv @ sx"]
    else:
        name = "U" if operation.gate == "u" else operation.gate
        calls = [name + (f"({', '.join(angles)})" if angles else "")]
    return [f"{modifier}{call} {qubits};" for call in calls]


def _angle_text(angle: Angle, values: list[float]) -> str:
    if not isinstance(angle, Param):
        return repr(float(angle))
    if values:
        return repr(angle.scale * values[angle.index] + angle.offset)
    text = f"theta_{angle.index}"
    if angle.scale != 1:
        text = f"{float(angle.scale)!r}*{text}"
    return f"{text} + {float(angle.offset)!r}" if angle.offset else text


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
    from qiskit.circuit import ControlledGate, Gate

    if gate.name in ("barrier", "id"):
        return []
    if not isinstance(gate, Gate):
        raise ValueError(
            f"{gate.name!r} is not a gate: measurements, resets and classical control "
            "cannot be read; remove them from the program"
        )
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
    if gate.definition is None:
        raise ValueError(
            f"gate {gate.name!r} has no definition and is not a known gate"
        )
    return _convert_all(gate.definition, qubits, controls, order)


_UNCONTROLLED = ("h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "sxdg", "swap")
_WITH_ANGLES = ("rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "u")
_NATIVE_CONTROLLED = ("cx", "cy", "cz", "ch", "crx", "cry", "crz", "cp")


def _standard(gate: Any, order: dict) -> tuple[str, tuple[Angle, ...]] | None:
    """Name and angles of a gate of qiskit's library that we have too."""
    if not gate.base_class.__module__.startswith("qiskit.circuit.library"):
        return None
    angles = tuple(_angle(angle, order) for angle in gate.params)
    if gate.name in _UNCONTROLLED + _WITH_ANGLES:
        return gate.name, angles
    if gate.name in _NATIVE_CONTROLLED and gate.ctrl_state == 1:
        return gate.name, angles
    if gate.name == "u1":
        return "p", angles
    if gate.name == "u2":
        return "u", (math.pi / 2, *angles)
    return ("u", angles) if gate.name == "u3" else None


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
    raise ValueError(f"angle {value} is not linear in one input; rewrite the program")
