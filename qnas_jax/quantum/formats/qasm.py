"""Circuits as OpenQASM 3 text, and back (reading uses qiskit's parser).

Qubit i of a circuit is q[i]; since OpenQASM fixes no order of basis indices, nothing is
reversed. Global phases of the text are dropped, those under controls are kept.
"""

import contextlib
import io
import re
import warnings

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Angle, Circuit, Operation, Param
from qnas_jax.quantum.formats.qiskit_circuits import from_qiskit

_MISSING = "reading OpenQASM needs qiskit: pip install 'qnas_jax[quantum]'"
_COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
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
      UserError: some parameters are given, but not enough.
    """
    values = [float(value) for value in params]
    if values and len(values) < circuit.num_params:
        raise UserError(
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
      UserError: the text cannot be parsed or is OpenQASM 2, or has measurements,
        resets, classical control, or angles that are not linear in one input.
    """
    try:
        from qiskit import qasm3
    except ImportError as error:
        raise ImportError(_MISSING) from error
    if re.match(r"OPENQASM\s+[12]\b", _COMMENTS.sub("", text).strip()):
        raise UserError(
            "got an OpenQASM 2 program, expected OpenQASM 3; qiskit translates it: "
            "qasm3.dumps(qasm2.loads(text))"
        )
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            # qiskit's parser calls what qiskit has deprecated, and prints what it
            # does not understand, which is said once, below
            warnings.simplefilter("ignore", DeprecationWarning)
            source = qasm3.loads(text)
    except ImportError as error:
        raise ImportError(_MISSING) from error
    except Exception as error:
        words = " ".join(str(error).split())
        raise UserError(f"not a readable OpenQASM 3 program: {words}") from error
    return from_qiskit(source)


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
