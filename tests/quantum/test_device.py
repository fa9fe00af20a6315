"""Transpiled circuits do the same on the device's qubits, with its gates only."""

import numpy as np
import pytest
from dense_circuits import dense_run
from noisy_circuits import random_circuit

from qnas_jax.quantum.circuit import Circuit, Param
from qnas_jax.quantum.device import (
    Device,
    closed_line,
    grid,
    heavy_hex,
    line,
    transpile,
)
from qnas_jax.quantum.formats.qiskit_circuits import from_qiskit, to_qiskit


def on_device(state, layout, num_qubits):
    """A state of n qubits with qubit i at layout[i], the others in |0>."""
    tensor = np.zeros((2,) * num_qubits, complex)
    where = tuple(slice(None) if q in layout else 0 for q in range(num_qubits))
    order = np.argsort(layout)
    tensor[where] = np.asarray(state).reshape((2,) * len(layout)).transpose(order)
    return tensor.reshape(-1)


def overlap(result, expected):
    """|<result|expected>| of what a circuit leaves."""
    return abs(np.vdot(dense_run(result), expected))


@pytest.mark.parametrize(
    "device", [line(1), line(5), closed_line(6), grid(2, 3)], ids=lambda d: d.name
)
@pytest.mark.parametrize("level", [0, 1, 3])
def test_the_state_is_that_of_the_circuit(device, level):
    width = min(4, device.num_qubits)
    circuit = random_circuit(31, width, 16)
    result, report = transpile(circuit, device, optimization_level=level)
    assert result.num_qubits == device.num_qubits
    expected = on_device(dense_run(circuit), report.final_layout, device.num_qubits)
    assert overlap(result, expected) == pytest.approx(1, abs=1e-9)


def test_the_state_on_nineteen_qubits_of_heavy_hexagons():
    circuit, device = random_circuit(35, 4, 16), heavy_hex(3)
    result, report = transpile(circuit, device)
    expected = on_device(dense_run(circuit), report.final_layout, 19)
    assert overlap(result, expected) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("device", [line(5), grid(2, 3)], ids=lambda d: d.name)
def test_only_gates_and_couplings_of_the_device_remain(device):
    result, report = transpile(random_circuit(32, 5, 20), device)
    for operation in result.operations:
        assert operation.gate in device.basis_gates
        if len(operation.qubits) == 2:
            assert tuple(sorted(operation.qubits)) in device.couplings
    names = [operation.gate for operation in result.operations]
    assert dict(report.gate_counts) == {name: names.count(name) for name in set(names)}
    assert report.two_qubit_gates == names.count("cx")
    assert 0 < report.two_qubit_depth <= report.depth <= len(names)


def test_coupled_qubits_need_no_swaps_and_a_triangle_on_a_line_one():
    """Each swap becomes three cx, where it does not merge with others."""
    chain = Circuit(3).add("cx", (0, 1)).add("cx", (1, 2))
    assert transpile(chain, line(3))[1].swaps_added == 0
    triangle = chain.add("rx", 2, 0.3).add("cx", (2, 0)).add("rx", 0, 0.2)
    _, report = transpile(triangle, line(3))
    assert report.swaps_added == 1
    assert sorted(report.initial_layout) == [0, 1, 2]
    assert report.initial_layout != report.final_layout
    assert transpile(triangle, closed_line(3))[1].swaps_added == 0


def test_parameters_get_their_values():
    circuit = Circuit(2).add("ry", 0, Param(0, 2.0, 0.1)).add("cx", (0, 1))
    params = np.array([0.4])
    result, report = transpile(circuit, line(2), params)
    assert result.num_params == 0
    expected = on_device(dense_run(circuit, params), report.final_layout, 2)
    assert overlap(result, expected) == pytest.approx(1, abs=1e-9)


def test_couplings_of_the_named_devices():
    assert line(3).couplings == ((0, 1), (1, 2))
    assert closed_line(4).couplings == ((0, 1), (0, 3), (1, 2), (2, 3))
    assert grid(2, 2).couplings == ((0, 1), (0, 2), (1, 3), (2, 3))
    assert heavy_hex(3).num_qubits == (5 * 9 - 2 * 3 - 1) // 2
    assert heavy_hex(3).name == "heavy-hex-3"


def test_to_qiskit_and_back():
    circuit = random_circuit(33, 3, 20)
    assert from_qiskit(to_qiskit(circuit)) == circuit
    controlled = Circuit(4).add("ry", 3, 0.4, controls=(0, 1))
    there = to_qiskit(controlled)
    assert [there.find_bit(q).index for q in there.data[0].qubits] == [0, 1, 3]


def test_the_unitary_is_that_of_qiskit():
    """Qiskit's basis index has qubit 0 last."""
    from qiskit.quantum_info import Statevector

    circuit = random_circuit(34, 3, 20).add("ry", 2, 0.7, controls=(0, 1))
    theirs = Statevector(to_qiskit(circuit).reverse_bits()).data
    np.testing.assert_allclose(dense_run(circuit), theirs, atol=1e-9)


def test_what_cannot_be_is_refused():
    import qiskit

    with pytest.raises(ValueError, match="line-2 has 2 qubits, expected at least"):
        transpile(Circuit(3).add("x", 0), line(2))
    with pytest.raises(ValueError, match="params: got 0 numbers, expected 1"):
        to_qiskit(Circuit(1).add("rx", 0, Param(0)))
    with pytest.raises(ValueError, match=r"\(0, 5\) are not all in \[0, 2\)"):
        Device("mine", 2, ((0, 5),))
    with pytest.raises(ValueError, match="basis_gates: got 'cnot', expected some of h"):
        Device("mine", 2, ((0, 1),), ("h", "cnot"))
    with pytest.raises(ValueError, match="optimization_level: got 4"):
        transpile(Circuit(1).add("x", 0), line(2), optimization_level=4)
    with pytest.raises(ValueError, match="got distance 2, expected an odd number"):
        heavy_hex(2)
    with pytest.raises(ValueError, match="got sizes"):
        line(0)
    other = qiskit.QuantumCircuit(1, 1)
    other.measure(0, 0)
    with pytest.raises(ValueError, match="'measure' is not a gate"):
        from_qiskit(other)


def test_a_device_of_ones_own():
    star = Device("star", 4, ((0, 1), (0, 2), (0, 3)), ("rz", "sx", "x", "cz"))
    result, report = transpile(Circuit(4).add("cx", (0, 1)).add("cx", (2, 3)), star)
    assert report.device == "star" and "cz" in dict(report.gate_counts)
    assert all(op.gate in star.basis_gates for op in result.operations)
