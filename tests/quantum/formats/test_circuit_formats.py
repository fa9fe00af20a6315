"""Circuits as drawings and as OpenQASM text."""

import builtins
import math

import numpy as np
import pytest
from dense_circuits import dense_run, parametrised, random_circuit

from qnas_jax.quantum.ansatz import hardware_efficient
from qnas_jax.quantum.circuit import Circuit, Operation, Param
from qnas_jax.quantum.formats.drawing import draw_figure, draw_text
from qnas_jax.quantum.formats.qasm import from_qasm, to_qasm
from qnas_jax.quantum.formats.qiskit_circuits import from_qiskit


def _example():
    circuit = Circuit(4).add("h", 0).add("cx", (0, 2)).add("rz", 1, Param(0, -1, 0.5))
    circuit = circuit.add("swap", (1, 3)).add("z", 3, controls=(0, 1))
    return circuit.add("rzz", (0, 1), 0.25).add("sxdg", 2, controls=0)


DRAWING = """\
q0: ─H─●───────────────●─RZZ(0.25)──●───
       │               │     │      │
q1: ───┼─RZ(-t0+0.5)─×─●─RZZ(0.25)──┼───
       │             │ │            │
q2: ───⊕─────────────┼─┼───────────SXDG─
                     │ │
q3: ─────────────────×─●────────────────"""

PROGRAM = """\
OPENQASM 3.0;
include "stdgates.inc";
input float[64] theta_0;
gate rzz(a) x, y { cx x, y; rz(a) y; cx x, y; }
qubit[4] q;
h q[0];
cx q[0], q[2];
rz(-1.0*theta_0 + 0.5) q[1];
swap q[1], q[3];
ctrl(2) @ z q[0], q[1], q[3];
rzz(0.25) q[0], q[1];
ctrl @ inv @ sx q[0], q[2];
"""


def test_text_drawing():
    assert draw_text(_example()) == DRAWING
    assert draw_text(Circuit(1).add("u", 0, 0.1, Param(2), Param(0, 2.0))) == (
        "q0: ─U(0.1, t2, 2t0)─"
    )


def test_figure_shows_every_gate():
    figure = draw_figure(_example())
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:4] == ["q0", "q1", "q2", "q3"]
    assert sorted(texts[4:]) == sorted(
        ["H", "RZ(-t0+0.5)", "RZZ(0.25)", "RZZ(0.25)", "SXDG"]
    )


def test_program():
    assert to_qasm(_example()) == PROGRAM
    bound = to_qasm(_example(), (0.1,))
    assert "rz(0.4) q[1];" in bound
    assert "input" not in bound


@pytest.mark.parametrize("seed", range(4))
def test_round_trip(seed):
    circuit, values = parametrised(random_circuit(seed, 4, 30))
    expected = dense_run(circuit, values)
    for text in (to_qasm(circuit), to_qasm(circuit, tuple(values))):
        state = dense_run(from_qasm(text), values)
        assert abs(np.vdot(state, expected)) == pytest.approx(1, abs=1e-12)


@pytest.mark.filterwarnings("ignore:.*annotated.*:DeprecationWarning")
def test_our_program_in_qiskit():
    from qiskit import qasm3
    from qiskit.quantum_info import Statevector

    circuit = random_circuit(9, 4, 40)
    theirs = Statevector(qasm3.loads(to_qasm(circuit))).reverse_qargs().data
    overlap = abs(np.vdot(theirs, dense_run(circuit)))
    assert overlap == pytest.approx(1, abs=1e-9)


def test_program_of_qiskit_here():
    from qiskit import QuantumCircuit, qasm3
    from qiskit.quantum_info import Statevector

    theirs = QuantumCircuit(4)
    theirs.h(0)
    theirs.cu(0.3, 0.2, -0.7, 0.9, 0, 1)
    theirs.ccx(0, 1, 2)
    theirs.cswap(2, 3, 1)
    theirs.rxx(0.4, 3, 0)
    theirs.barrier()
    theirs.append(QuantumCircuit(2, name="inner").to_gate(), [0, 3])
    theirs.cp(0.8, 1, 3)
    theirs.rccx(3, 1, 0)
    state = dense_run(from_qasm(qasm3.dumps(theirs)))
    expected = Statevector(theirs).reverse_qargs().data
    assert abs(np.vdot(state, expected)) == pytest.approx(1, abs=1e-9)


def test_negative_controls_and_controlled_global_phases():
    text = """OPENQASM 3.0;
    include "stdgates.inc";
    gate mine(a) x { gphase(a); rx(a) x; }
    qubit[3] q;
    h q[0]; h q[1];
    ctrl @ mine(0.7) q[0], q[2];
    negctrl @ y q[1], q[2];
    """
    by_hand = Circuit(3).add("h", 0).add("h", 1).add("crx", (0, 2), 0.7)
    by_hand = by_hand.add("p", 0, 0.7).add("x", 1).add("cy", (1, 2)).add("x", 1)
    overlap = np.vdot(dense_run(from_qasm(text)), dense_run(by_hand))
    assert abs(overlap) == pytest.approx(1, abs=1e-12)


def test_inputs_are_numbered_by_name():
    text = 'OPENQASM 3.0; include "stdgates.inc"; input float t_10; input float t_2; '
    circuit = from_qasm(text + "qubit q; rx(t_10 / 2 - pi) q; ry(t_2) q;")
    assert circuit.operations == (
        Operation("rx", (0,), (Param(1, 0.5, -math.pi),)),
        Operation("ry", (0,), (Param(0),)),
    )


def test_powers_of_gates():
    """The square root of X is sx, H H is nothing; the square root may be controlled."""
    text = """OPENQASM 3.0;
    include "stdgates.inc";
    qubit[2] q;
    h q[0];
    pow(0.5) @ x q[1];
    pow(2) @ h q[0];
    ctrl @ pow(0.5) @ x q[0], q[1];
    """
    by_hand = Circuit(2).add("h", 0).add("sx", 1).add("sx", 1, controls=0)
    overlap = np.vdot(dense_run(from_qasm(text)), dense_run(by_hand))
    assert abs(overlap) == pytest.approx(1, abs=1e-9)


def composite_parts():
    """Operations of Qiskit that are no gates of ours, by what they are."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import AnnotatedOperation, ControlModifier, PowerModifier
    from qiskit.circuit import library as gates
    from qiskit.quantum_info import random_clifford, random_unitary

    inner = QuantumCircuit(2, name="inner", global_phase=0.4)
    inner.cx(0, 1)
    inner.append(gates.UCRYGate([0.1, 0.2]), [0, 1])
    matrix = random_unitary(2, seed=3)
    root = [PowerModifier(0.5), ControlModifier(1)]
    return {
        "unitary": gates.UnitaryGate(random_unitary(4, seed=1)),
        "controlled unitary": gates.UnitaryGate(matrix).control(1),
        "diagonal": gates.DiagonalGate([1, 1j, -1, 1]),
        "permutation": gates.PermutationGate([1, 0]),
        "state": gates.StatePreparation([0.5, 0.5j, -0.5, 0.5]),
        "paulis": gates.PauliGate("XY"),
        "instruction": inner.to_instruction(),
        "controlled composite": inner.to_gate().control(1),
        "rotations": gates.UCRYGate([0.1, 0.2]),
        "clifford": random_clifford(2, seed=1),
        "annotated": AnnotatedOperation(gates.SXGate(), root),
        "phase": gates.GlobalPhaseGate(0.3),
        "two angles": gates.XXPlusYYGate(0.3, 0.2),
    }


def test_composite_operations_are_those_of_qiskit():
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Operator, Statevector

    for name, part in composite_parts().items():
        circuit = QuantumCircuit(3)
        circuit.u(0.3, 0.2, 0.1, 0)
        circuit.u(0.8, 0.5, -0.4, 1)
        circuit.h(2)
        start = Statevector(circuit)
        qubits = [2, 0, 1][: part.num_qubits]
        circuit.append(part, qubits)
        wanted = start.evolve(Operator(part), qubits).reverse_qargs().data
        found = dense_run(from_qiskit(circuit))
        assert abs(np.vdot(found, wanted)) == pytest.approx(1, abs=1e-7), name


def test_what_is_inside_of_a_composite_instruction_is_named():
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate

    inner = QuantumCircuit(2, name="inner")
    inner.reset(0)
    outer = QuantumCircuit(2)
    outer.append(inner.to_instruction(), [0, 1])
    with pytest.raises(ValueError, match="'reset' is not a gate"):
        from_qiskit(outer)
    opaque = QuantumCircuit(1)
    opaque.append(Gate("mine", 1, []), [0])
    with pytest.raises(ValueError, match="gate 'mine' has no definition"):
        from_qiskit(opaque)


HEAD = 'OPENQASM 3.0; include "stdgates.inc"; qubit q; '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("OPENQASM 3.0; qubit q; foo q;", "not a readable OpenQASM 3 program"),
        (HEAD + "bit c; c = measure q;", "'measure' is not a gate"),
        ("OPENQASM 2.0;\nqreg q[2];\nh q[0];", "got an OpenQASM 2 program, expected"),
        ("// a\n/* b\n*/ OPENQASM 2.0;", "got an OpenQASM 2 program"),
        (HEAD + "reset q;", "'reset' is not a gate"),
        (HEAD + "bit c; if (c) { x q; }", "'if_else' is not a gate"),
        (HEAD + "input float a; rx(a * a) q;", "not linear in one input"),
        (
            HEAD + "input float a; input float b; rx(a + b) q;",
            "not linear in one input",
        ),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        from_qasm(text)
    assert "\n" not in str(caught.value)


def test_too_few_values():
    with pytest.raises(ValueError, match="takes 8 parameters, got 1"):
        to_qasm(hardware_efficient(4, 1), (0.1,))


def test_missing_qiskit_names_the_extra(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("qiskit"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"qnas_jax\[quantum\]"):
        from_qasm(HEAD)
