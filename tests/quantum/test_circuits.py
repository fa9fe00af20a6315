"""Circuit descriptions: building, errors, inverses, conventions."""

import jax.numpy as jnp
import numpy as np
import pytest
from dense_circuits import dense_run, parametrised, random_circuit, random_state

from qnas_jax.quantum.ansatz import ENTANGLERS, ghz, hardware_efficient
from qnas_jax.quantum.circuit import Circuit, Operation, Param
from qnas_jax.quantum.conventions import bits_of, index_of
from qnas_jax.quantum.gates import GATES
from qnas_jax.quantum.simulate import run_circuit


def test_qubit_0_is_the_most_significant_bit():
    state = run_circuit(Circuit(3).add("x", 0))
    assert int(jnp.argmax(jnp.abs(state))) == 4
    assert bits_of(4, 3).tolist() == [1, 0, 0]
    assert bits_of(4, 3).dtype == jnp.int8


def test_bits_and_indices_are_inverse():
    indices = jnp.arange(32).reshape(4, 8)
    bits = bits_of(indices, 5)
    assert bits.shape == (4, 8, 5)
    text = "".join(str(bit) for bit in bits[1, 5].tolist())
    assert int(text, 2) == 13
    np.testing.assert_array_equal(index_of(bits), indices)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Circuit(2).add("foo", 0), "no gate 'foo'"),
        (lambda: Circuit(2).add("x", 2), r"not all in \[0, 2\)"),
        (lambda: Circuit(2).add("x", -1), r"not all in \[0, 2\)"),
        (lambda: Circuit(2).add("cx", (1, 1)), "repeated qubits"),
        (lambda: Circuit(2).add("x", 0, controls=0), "repeated qubits"),
        (lambda: Circuit(2).add("cx", 0), "takes 2 qubits"),
        (lambda: Circuit(2).add("rx", 0), "takes 1 parameters"),
        (lambda: Circuit(2).add("h", 0, 0.3), "takes 0 parameters"),
        (lambda: Circuit(0), "at least 1 qubit"),
        (lambda: Param(-1), "starts at 0"),
        (lambda: Circuit(2).then(Circuit(3)), "cannot follow"),
        (lambda: hardware_efficient(3, 1, "star"), "use one of"),
    ],
)
def test_errors_say_what_is_wrong(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_circuits_are_values():
    first = Circuit(2).add("h", 0).add("rz", 1, Param(3, 2.0))
    again = Circuit(2).add("h", [0]).add("rz", (1,), Param(3, 2.0))
    assert first == again
    assert hash(first) == hash(again)
    assert first != first.add("x", 0)
    assert len(first.operations) == 2
    assert first.num_params == 4
    assert Circuit(1).num_params == 0


def test_controls_come_first():
    circuit = Circuit(4).add("crz", (3, 0), 0.5, controls=(2, 1))
    assert circuit.operations[0] == Operation("crz", (2, 1, 3, 0), (0.5,), 2)


def test_every_gate_is_undone_by_its_inverse():
    rng = np.random.default_rng(3)
    for name, gate in GATES.items():
        angles = rng.normal(size=gate.num_params)
        circuit = Circuit(3).add(name, range(1, 1 + gate.num_qubits), *angles)
        state = random_state(0, 3)
        back = dense_run(circuit.then(circuit.inverse()), (), state)
        np.testing.assert_allclose(back, state, atol=1e-12, err_msg=name)


def test_inverse_keeps_parameters():
    circuit, values = parametrised(random_circuit(5, 4, 25))
    state = random_state(1, 4)
    back = dense_run(circuit.then(circuit.inverse()), values, state)
    np.testing.assert_allclose(back, state, atol=1e-12)


def test_ghz():
    expected = np.zeros(16)
    expected[[0, 15]] = np.sqrt(0.5)
    np.testing.assert_allclose(run_circuit(ghz(4)), expected, atol=1e-7)


@pytest.mark.parametrize("entangler", ENTANGLERS)
def test_hardware_efficient(entangler):
    circuit = hardware_efficient(4, 2, entangler, final_rotations=True)
    assert circuit.num_params == 2 * 4 * 3
    pairs = {"ladder": 3, "ring": 4, "full": 6, "cz_ladder": 3}[entangler]
    assert len(circuit.operations) == 24 + 2 * pairs
