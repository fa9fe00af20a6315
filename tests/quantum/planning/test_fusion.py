"""Plans: every gate once, in an order that is allowed, in bins of the right sizes."""

import numpy as np
import pytest
from dense_circuits import random_circuit

from qnas_jax.quantum.ansatz import hardware_efficient
from qnas_jax.quantum.circuit import Circuit, Operation
from qnas_jax.quantum.planning.affine import AffineMap
from qnas_jax.quantum.planning.fusion import MAX_BIN, Segment, bin_sizes, plan_circuit


@pytest.mark.parametrize("num_qubits", range(1, 25))
@pytest.mark.parametrize("size", [2, MAX_BIN])
def test_bins_between_the_first_and_the_last_are_full(num_qubits, size):
    sizes = bin_sizes(num_qubits, size)
    assert sum(sizes) == num_qubits
    assert sizes[0] == min(num_qubits, MAX_BIN)
    assert set(sizes[1:-1]) <= {size}
    assert 0 < sizes[-1] <= MAX_BIN


def test_affine_maps():
    mapping = AffineMap((0b011, 0b110, 0b100), 0b101)
    images = [mapping(index) for index in range(8)]
    assert images[:4] == [0b101, 0b110, 0b011, 0b000]
    assert sorted(images) == list(range(8))
    assert [mapping.inverse()(image) for image in images] == list(range(8))
    high, low = mapping.tables
    np.testing.assert_array_equal((high[:, None] ^ low[None, :]).reshape(-1), images)
    assert AffineMap((1, 2, 4)).is_identity
    assert not mapping.is_identity


@pytest.mark.parametrize(("num_qubits", "seed"), [(3, 0), (8, 1), (13, 2)])
def test_every_gate_is_planned_once(num_qubits, seed):
    circuit = random_circuit(seed, num_qubits, 150)
    planned: list[Operation] = []
    for step in plan_circuit(circuit):
        if isinstance(step, Operation):
            planned.append(step)
            continue
        for each in step.rounds:
            widths = tuple(sum(len(p.qubits) for p in g) for g in each.bins)
            assert widths in {bin_sizes(num_qubits, size) for size in (2, MAX_BIN)}
            pieces = [piece for group in each.bins for piece in group]
            held = sorted(q for piece in pieces for q in piece.qubits)
            assert held == list(range(num_qubits))
            planned += [op for piece in pieces for op in piece.operations]
    absorbed = [op for op in circuit.operations if op not in planned]
    assert all(op.gate in ("x", "cx", "swap") for op in absorbed)
    others = [op for op in circuit.operations if op.gate not in ("x", "cx", "swap")]
    free = [op for op in planned if op.gate not in ("x", "cx", "swap")]
    assert sorted(map(str, others)) == sorted(map(str, free))


def test_ladders_cost_one_round_a_layer():
    (segment,) = plan_circuit(hardware_efficient(12, 6))
    assert isinstance(segment, Segment)
    assert len(segment.rounds) == 6


def test_permutations_alone_need_one_round():
    circuit = Circuit(9)
    for a in range(9):
        for b in range(9):
            if a != b:
                circuit = circuit.add("cx", (a, b))
    (segment,) = plan_circuit(circuit)
    assert len(segment.rounds) == 1


def test_layers_of_gates_on_three_qubits_take_bins_of_four():
    layer = [Operation("rzz", (q, q + 1, q + 2), (0.3,), 1) for q in range(0, 12, 3)]
    mixed = [Operation("h", (q,)) for q in range(12)]
    (segment,) = plan_circuit(Circuit(12, tuple(layer + mixed)))
    widths = [sum(len(p.qubits) for p in g) for g in segment.rounds[0].bins]
    assert widths == [4, 4, 4]
    (segment,) = plan_circuit(hardware_efficient(12, 2))
    widths = [sum(len(p.qubits) for p in g) for g in segment.rounds[0].bins]
    assert widths == [4, 2, 2, 2, 2]
