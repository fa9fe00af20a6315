"""Fused simulation against large matrices and qiskit-aer; gradients; batches."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dense_circuits import (
    dense_run,
    parametrised,
    random_circuit,
    random_state,
)

from qnas_jax.quantum.ansatz import hardware_efficient
from qnas_jax.quantum.circuit import Circuit, Param
from qnas_jax.quantum.gates import GATES
from qnas_jax.quantum.simulate import apply_circuit, apply_diagonal, run_circuit


def _all_gates():
    circuit = Circuit(5)
    for place, (name, gate) in enumerate(GATES.items()):
        qubits = [(place + 2 * i) % 5 for i in range(gate.num_qubits)]
        circuit = circuit.add(name, qubits, *(0.3, 1.1, -0.8)[: gate.num_params])
    return circuit


def test_every_gate_in_single_and_double_precision():
    state, circuit = random_state(0, 5), _all_gates()
    expected = dense_run(circuit, (), state)
    single = apply_circuit(circuit, jnp.asarray(state, jnp.complex64))
    assert single.dtype == jnp.complex64
    np.testing.assert_allclose(single, expected, atol=1e-6)
    with jax.enable_x64(True):
        double = apply_circuit(circuit, jnp.asarray(state))
        assert double.dtype == jnp.complex128
        np.testing.assert_allclose(double, expected, atol=1e-12)


@pytest.mark.parametrize(("num_qubits", "length"), [(1, 20), (3, 40), (7, 30)])
def test_random_circuits_with_controls(num_qubits, length):
    circuit, values = parametrised(random_circuit(num_qubits, num_qubits, length))
    state = random_state(2, num_qubits)
    expected = dense_run(circuit, values, state)
    out = apply_circuit(circuit, jnp.asarray(state, jnp.complex64), values)
    np.testing.assert_allclose(out, expected, atol=1e-6)


def _layers(seed, num_qubits, depth):
    """Layers of arbitrary gates that use every qubit once."""
    rng = np.random.default_rng(seed)
    pool = random_circuit(seed, num_qubits, 40 * depth, max_controls=2).operations
    circuit, start = Circuit(num_qubits), 0
    for _ in range(depth):
        order, taken = [int(q) for q in rng.permutation(num_qubits)], 0
        while True:
            width = len(pool[start].qubits)
            if taken + width > num_qubits:
                break
            op, start = pool[start], start + 1
            qubits = order[taken : taken + width]
            split = op.num_controls
            circuit = circuit.add(
                op.gate, qubits[split:], *op.params, controls=qubits[:split]
            )
            taken += width
    return circuit


@pytest.mark.parametrize(("seed", "num_qubits"), [(0, 6), (2, 10)])
def test_depth_40_against_aer(seed, num_qubits):
    from qiskit import QuantumCircuit, transpile
    from qiskit.circuit.library import get_standard_gate_name_mapping
    from qiskit_aer import AerSimulator

    circuit = _layers(seed, num_qubits, 40)
    theirs = QuantumCircuit(num_qubits)
    names = get_standard_gate_name_mapping()
    for op in circuit.operations:
        gate = names[op.gate].base_class(*op.params)
        if op.num_controls:
            gate = gate.control(op.num_controls, annotated=False)
        theirs.append(gate, [num_qubits - 1 - q for q in op.qubits])
    theirs.save_statevector()
    simulator = AerSimulator(method="statevector")
    compiled = transpile(theirs, simulator, optimization_level=0)
    expected = simulator.run(compiled).result().get_statevector().data
    np.testing.assert_allclose(run_circuit(circuit), expected, atol=1e-6)


def test_wide_controls_and_permutations():
    circuit = hardware_efficient(8, 1)
    circuit = circuit.add("x", 3, controls=(0, 1, 2, 4, 5, 6, 7))
    circuit = circuit.add("swap", (0, 7)).add("swap", (6, 2), controls=(1, 3, 4))
    circuit = circuit.add("rzz", (5, 1), 0.4, controls=(7, 3, 2, 0)).add("x", 4)
    circuit = circuit.add("h", 2).add("cx", (2, 6)).add("cx", (6, 0)).add("h", 6)
    values = np.random.default_rng(0).normal(size=circuit.num_params)
    expected = dense_run(circuit, values)
    np.testing.assert_allclose(run_circuit(circuit, values), expected, atol=1e-6)


def test_empty_circuit():
    state = jnp.asarray(random_state(0, 3), jnp.complex64)
    np.testing.assert_array_equal(apply_circuit(Circuit(3), state), state)


def _overlap(circuit, target, params):
    return jnp.abs(jnp.vdot(target, run_circuit(circuit, params))) ** 2


@pytest.mark.parametrize("num_qubits", [3, 7])
def test_gradient_against_differences(num_qubits):
    length = 16 if num_qubits == 3 else 10
    circuit, values = parametrised(random_circuit(11, num_qubits, length, 4))
    with jax.enable_x64(True):
        target = jnp.asarray(random_state(4, num_qubits))
        start = jnp.asarray(random_state(5, num_qubits))

        def cost(params):
            return jnp.abs(jnp.vdot(target, apply_circuit(circuit, start, params))) ** 2

        gradient = jax.jit(jax.grad(cost))(jnp.asarray(values))

    def dense_cost(params):
        return np.abs(np.vdot(target, dense_run(circuit, params, start))) ** 2

    difference = [
        (dense_cost(values + step) - dense_cost(values - step)) / 2e-5
        for step in 1e-5 * np.eye(len(values))
    ]
    np.testing.assert_allclose(gradient, difference, atol=1e-9)
    assert np.abs(gradient).max() > 1e-3


def test_gradient_against_parameter_shift():
    circuit = hardware_efficient(7, 1)
    values = np.random.default_rng(0).normal(size=circuit.num_params)
    diagonal = jnp.asarray(np.random.default_rng(1).normal(size=128), jnp.float32)

    def cost(params):
        return jnp.sum(jnp.abs(run_circuit(circuit, params)) ** 2 * diagonal)

    shifts = np.pi / 2 * np.eye(len(values))
    many = jax.jit(jax.vmap(cost))
    plus, minus = (many(values[None] + s * shifts) for s in (1, -1))
    gradient = jax.jit(jax.grad(cost))(jnp.asarray(values, jnp.float32))
    np.testing.assert_allclose(gradient, (plus - minus) / 2, atol=2e-6)


def test_gradient_over_the_state():
    circuit = random_circuit(6, 4, 20)
    state = jnp.asarray(random_state(0, 4), jnp.complex64)
    target = jnp.asarray(random_state(1, 4), jnp.complex64)

    def cost(state):
        return jnp.vdot(target, apply_circuit(circuit, state)).real

    back = dense_run(circuit.inverse(), (), target)
    found = jax.jit(jax.grad(cost))(state)
    np.testing.assert_allclose(found, back.conj(), atol=1e-6)


def test_vmap_and_jit():
    circuit = hardware_efficient(3, 1, "ring")
    values = np.random.default_rng(0).normal(size=(3, circuit.num_params))
    states = jnp.asarray([random_state(i, 3) for i in range(3)], jnp.complex64)
    apply = functools.partial(apply_circuit, circuit)
    one = jax.jit(apply)
    one_by_one = np.stack([one(s, v) for s, v in zip(states, values, strict=True)])
    batched = jax.jit(jax.vmap(apply))(states, values)
    np.testing.assert_allclose(batched, one_by_one, atol=1e-6)
    shared = jax.jit(jax.vmap(apply, in_axes=(0, None)))(states, values[1])
    np.testing.assert_allclose(shared[1], one_by_one[1], atol=1e-6)
    with jax.disable_jit():
        eager = apply(states[0], values[0])
    np.testing.assert_allclose(eager, one_by_one[0], atol=1e-6)


def test_vmapped_gradient():
    circuit = hardware_efficient(3, 1)
    target = jnp.asarray(random_state(1, 3), jnp.complex64)
    values = jnp.asarray(np.random.default_rng(0).normal(size=(4, 6)), jnp.float32)
    gradient = jax.grad(functools.partial(_overlap, circuit, target))
    batched, one = jax.jit(jax.vmap(gradient))(values), jax.jit(gradient)
    one_by_one = np.stack([one(row) for row in values])
    np.testing.assert_allclose(batched, one_by_one, atol=1e-6)


def test_diagonal():
    state = random_state(0, 3)
    diagonal = np.arange(8) / 3
    out = apply_diagonal(
        jnp.asarray(state, jnp.complex64), 0.7, jnp.asarray(diagonal, jnp.float32)
    )
    np.testing.assert_allclose(out, np.exp(-0.7j * diagonal) * state, atol=1e-6)


def test_a_parameter_may_be_used_twice():
    circuit = Circuit(1).add("rx", 0, Param(0)).add("rx", 0, Param(0, 2.0, 0.1))
    angle = 3 * 0.4 + 0.1
    expected = [np.cos(angle / 2), -1j * np.sin(angle / 2)]
    np.testing.assert_allclose(run_circuit(circuit, [0.4]), expected, atol=1e-6)


def test_errors():
    circuit = Circuit(2).add("rx", 0, Param(1))
    with pytest.raises(ValueError, match="vector of 2 parameters"):
        run_circuit(circuit, [0.1])
    with pytest.raises(ValueError, match="the circuit has 2 qubits"):
        apply_circuit(circuit, jnp.zeros(8, jnp.complex64), [0.1, 0.2])
    with pytest.raises(ValueError, match=r"2\*\*n amplitudes"):
        apply_circuit(circuit, jnp.zeros(6, jnp.complex64), [0.1, 0.2])
