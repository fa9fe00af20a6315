"""Noise of gates as quantum channels, and which channel follows which gate.

A channel maps a density matrix to rho' = sum_i K_i rho K_i^+, its Kraus operators K_i
with sum_i K_i^+ K_i = 1 (Nielsen & Chuang, "Quantum Computation and Quantum
Information", section 8.3). `density` applies all of them, `trajectories` draws one.

Bloch vector (x, y, z) of a qubit after each channel:

    depolarising(p)         (1 - p) (x, y, z)
    bit_flip(p)             (x, (1 - 2p) y, (1 - 2p) z)
    phase_flip(p)           ((1 - 2p) x, (1 - 2p) y, z)
    amplitude_damping(g)    (sqrt(1 - g) x, sqrt(1 - g) y, g + (1 - g) z)
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Operation
from qnas_jax.quantum.gates import GATES
from qnas_jax.quantum.inputs import check_numbers
from qnas_jax.quantum.noise.readout import check_readout

Matrix = tuple[tuple[complex, ...], ...]

_TOLERANCE = 1e-6
_PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


@dataclasses.dataclass(frozen=True)
class Channel:
    """A channel on k qubits; hashable, so that it may be static under `jax.jit`.

    Attributes:
      name: what messages call it.
      kraus: the operators, each [2^k, 2^k] as nested tuples, first qubit most
        significant. `kraus_channel` makes them from arrays.

    Raises:
      UserError: the operators have no or unequal sizes, or are not complete.
    """

    name: str
    kraus: tuple[Matrix, ...]

    def __post_init__(self) -> None:
        sizes = {(len(k), *(len(row) for row in k)) for k in self.kraus}
        size = min(sizes)[0] if sizes else 0
        if sizes != {(size,) * (size + 1)} or size < 2 or size & (size - 1):
            raise UserError(
                f"{self.name}: got Kraus operators with row lengths {sorted(sizes)}, "
                "expected square matrices of one size 2^k"
            )
        operators = self.operators
        total = np.einsum("iba,ibc->ac", operators.conj(), operators)
        error = float(np.abs(total - np.eye(size)).max())
        if not error < _TOLERANCE:
            raise UserError(
                f"{self.name}: sum of K^+ K differs from 1 by {error:.3g}, expected "
                f"less than {_TOLERANCE}; scale the Kraus operators"
            )

    @property
    def num_qubits(self) -> int:
        """k, the qubits it acts on."""
        return len(self.kraus[0]).bit_length() - 1

    @property
    def operators(self) -> np.ndarray:
        """The Kraus operators, complex128 [m, 2^k, 2^k]."""
        return np.array(self.kraus, np.complex128)


def kraus_channel(name: str, operators: Any) -> Channel:
    """Makes a channel from arrays.

    Args:
      name: what messages call it.
      operators: [m, 2^k, 2^k] Kraus operators, complete.

    Returns:
      The channel, without operators that are zero.

    Raises:
      UserError: wrong shape, or not complete.
    """
    operators = np.asarray(operators, np.complex128)
    if operators.ndim != 3:
        raise UserError(
            f"{name}: got Kraus operators of shape {operators.shape}, expected "
            "[m, 2^k, 2^k]"
        )
    kept = [k for k in operators if np.any(k != 0)]
    rows = [tuple(tuple(complex(x) for x in row) for row in k) for k in kept]
    return Channel(name, tuple(rows))


def depolarising(probability: float, num_qubits: int = 1) -> Channel:
    """With probability p nothing is known any more: (1 - p) rho + p 1 / 2^k.

    Args:
      probability: p in [0, 4^k / (4^k - 1)], as in Qiskit; at the upper end the
        identity is never drawn.
      num_qubits: k, one or more; on several qubits the error is correlated.

    Returns:
      The channel.

    Raises:
      UserError: p or k is out of its range.
    """
    if not isinstance(num_qubits, int) or num_qubits < 1:
        raise UserError(f"depolarising: got {num_qubits} qubits, expected 1 or more")
    number = 4**num_qubits
    _check_between("depolarising", probability, number / (number - 1))
    chances = np.full(number, probability / number)
    chances[0] = max(1 - probability * (number - 1) / number, 0.0)
    words = itertools.product("IXYZ", repeat=num_qubits)
    errors = ["".join(word) for word in words]
    return _pauli_channel(f"depolarising({probability})", errors, chances)


def bit_flip(probability: float) -> Channel:
    """X with probability p in [0, 1], else nothing; UserError if p is outside."""
    _check_between("bit_flip", probability)
    name = f"bit_flip({probability})"
    return _pauli_channel(name, "IX", [1 - probability, probability])


def phase_flip(probability: float) -> Channel:
    """Z with probability p in [0, 1], else nothing; UserError if p is outside."""
    _check_between("phase_flip", probability)
    name = f"phase_flip({probability})"
    return _pauli_channel(name, "IZ", [1 - probability, probability])


def amplitude_damping(gamma: float) -> Channel:
    """|1> falls to |0> with probability gamma in [0, 1] (energy loss, T1).

    Raises:
      UserError: gamma is outside.
    """
    _check_between("amplitude_damping", gamma)
    stay = [[1, 0], [0, math.sqrt(1 - gamma)]]
    fall = [[0, math.sqrt(gamma)], [0, 0]]
    return kraus_channel(f"amplitude_damping({gamma})", [stay, fall])


@dataclasses.dataclass(frozen=True)
class NoiseModel:
    """Which channel follows which gate, and the errors of the measurement.

    A channel of k qubits after a gate on k qubits acts on these together; a channel of
    one qubit acts on every qubit of the gate. An entry of `after_gate` takes the place
    of the one of `after_size`.

    Attributes:
      after_gate: (name, channel) pairs. Controls that an operation adds to its gate are
        a "c" each in front of the name: "x" with two controls is "ccx".
      after_size: (number of qubits of the gate, controls included, channel) pairs.
      readout: chances (read 1 | is 0, read 0 | is 1) of a misread bit, one pair a
        qubit or one pair for all; () reads without error.

    Raises:
      UserError: a name or number twice, a name that no gate can have, a channel that
        fits no such gate, or a chance that is not in [0, 1].
    """

    after_gate: tuple[tuple[str, Channel], ...] = ()
    after_size: tuple[tuple[int, Channel], ...] = ()
    readout: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        for entries in (self.after_gate, self.after_size):
            keys = [key for key, _ in entries]
            if len(set(keys)) != len(keys):
                raise UserError(f"noise model: got {keys}, expected each only once")
        for name, channel in self.after_gate:
            _check_fits(f"after_gate {name!r}", channel, _size_of(name))
        for size, channel in self.after_size:
            if not isinstance(size, int | np.integer) or size < 1:
                raise UserError(
                    f"after_size: got {size!r}, expected a number of qubits"
                )
            _check_fits(f"after_size {size}", channel, int(size))
        check_readout(self.readout)

    def channels_after(
        self, operation: Operation
    ) -> tuple[tuple[Channel, tuple[int, ...]], ...]:
        """The channels that follow an operation, and the qubits each acts on."""
        qubits = tuple(operation.qubits)
        name = "c" * operation.num_controls + operation.gate
        by_size = dict(self.after_size).get(len(qubits))
        channel = dict(self.after_gate).get(name, by_size)
        if channel is None:
            return ()
        if channel.num_qubits == len(qubits):
            return ((channel, qubits),)
        return tuple((channel, (qubit,)) for qubit in qubits)


def _size_of(name: str) -> int:
    """Qubits of a gate with any controls, each a "c" in front of the name."""
    for count in range(len(name)):
        if name[:count] == "c" * count and name[count:] in GATES:
            return count + GATES[name[count:]].num_qubits
    raise UserError(
        f"after_gate: got {name!r}, expected a gate, with a 'c' in front for each "
        f"additional control; gates are {', '.join(GATES)}"
    )


def _check_fits(entry: str, channel: Channel, size: int) -> None:
    if channel.num_qubits not in (1, size):
        raise UserError(
            f"{entry}: got {channel.name}, which acts on {channel.num_qubits} qubits, "
            f"expected a channel of one qubit or of {size} as the gate"
        )


def depolarising_model(
    one_qubit: float, two_qubit: float, readout: float = 0.0
) -> NoiseModel:
    """The usual uniform model: depolarising after every gate on one or two qubits.

    Args:
      one_qubit: p after gates on one qubit.
      two_qubit: p after gates on two qubits.
      readout: chance that a measured bit is read wrong.

    Returns:
      The model; larger gates have no noise.
    """
    sizes = ((1, depolarising(one_qubit)), (2, depolarising(two_qubit, 2)))
    return NoiseModel(
        after_size=sizes, readout=((readout, readout),) if readout else ()
    )


def _pauli_channel(
    name: str, words: Sequence[str], chances: Sequence[float] | np.ndarray
) -> Channel:
    operators = []
    for word, chance in zip(words, chances, strict=True):
        matrix: np.ndarray = np.eye(1)
        for letter in word:
            matrix = np.kron(matrix, _PAULIS[letter])
        operators.append(math.sqrt(chance) * matrix)
    return kraus_channel(name, operators)


def _check_between(name: str, value: float, most: float = 1.0) -> None:
    check_numbers(name, value)
    if not 0 <= value <= most:
        raise UserError(f"{name}: got {value}, expected a number in [0, {most:.6g}]")
