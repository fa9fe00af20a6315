"""Random circuits, and Qiskit Aer's density matrix of them as an oracle."""

import itertools

import numpy as np

from qnas_jax.quantum.circuit import Circuit
from qnas_jax.quantum.formats.qiskit_circuits import to_qiskit
from qnas_jax.quantum.noise.channels import Channel, NoiseModel

ONE_QUBIT = {"h": 0, "x": 0, "s": 0, "t": 0, "sx": 0, "rx": 1, "ry": 1, "rz": 1, "u": 3}
TWO_QUBIT = {"cx": 0, "cz": 0, "swap": 0, "cp": 1, "rzz": 1, "rxx": 1}


def random_circuit(seed: int, num_qubits: int, depth: int) -> Circuit:
    """Gates on one and two qubits with random angles, in turn."""
    rng = np.random.default_rng(seed)
    circuit = Circuit(num_qubits)
    for step in range(depth):
        kinds = TWO_QUBIT if step % 2 and num_qubits > 1 else ONE_QUBIT
        gate = str(rng.choice(list(kinds)))
        qubits = rng.permutation(num_qubits)[: 2 if kinds is TWO_QUBIT else 1]
        circuit = circuit.add(gate, qubits, *rng.uniform(-3, 3, kinds[gate]))
    return circuit


def aer_density(circuit: Circuit, noise: NoiseModel) -> np.ndarray:
    """The density matrix in our order of qubits, complex128."""
    import qiskit_aer

    measured = to_qiskit(circuit)
    measured.save_density_matrix()
    simulator = qiskit_aer.AerSimulator(
        method="density_matrix", noise_model=aer_noise(noise), fusion_enable=False
    )
    data = simulator.run(measured).result().data(0)["density_matrix"].data
    n = circuit.num_qubits
    order = [*reversed(range(n)), *reversed(range(n, 2 * n))]
    return data.reshape((2,) * (2 * n)).transpose(order).reshape(2**n, 2**n)


def aer_noise(noise: NoiseModel):
    """The same model for Aer."""
    import qiskit_aer.noise

    model = qiskit_aer.noise.NoiseModel()
    sizes = dict(noise.after_size)
    for (gate, _), size in itertools.chain(
        itertools.product(ONE_QUBIT.items(), [1]),
        itertools.product(TWO_QUBIT.items(), [2]),
    ):
        channel = dict(noise.after_gate).get(gate, sizes.get(size))
        if channel is not None:
            model.add_all_qubit_quantum_error(_aer_error(channel, size), [gate])
    return model


def _aer_error(channel: Channel, size: int):
    import qiskit_aer.noise

    operators = [_other_order(k) for k in channel.operators]
    error = qiskit_aer.noise.kraus_error(operators)
    return error.tensor(error) if size > channel.num_qubits else error


def _other_order(matrix: np.ndarray) -> np.ndarray:
    """First qubit least significant, as Qiskit has it."""
    if matrix.shape[0] == 2:
        return matrix
    swapped = matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2)
    return swapped.reshape(4, 4)
