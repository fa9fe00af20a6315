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


HEAD = 'OPENQASM 3.0; include "stdgates.inc"; qubit q; '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("OPENQASM 3.0; qubit q; foo q;", "not a readable OpenQASM 3 program"),
        (HEAD + "bit c; c = measure q;", "'measure' is not a gate"),
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
    with pytest.raises(ValueError, match=message):
        from_qasm(text)


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
