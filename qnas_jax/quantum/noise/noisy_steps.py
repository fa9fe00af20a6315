"""A noisy circuit as steps of one form, so that it compiles once whatever its depth.

A step is a gate together with all that follows it: the channels on its qubits as one
channel of K qubits, K those of the largest gate. Before it acts, one gather brings its
qubits to the front of the index, from where the step before left them.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Circuit
from qnas_jax.quantum.gates import GATES, control
from qnas_jax.quantum.inputs import as_real, check_numbers
from qnas_jax.quantum.noise.channels import NoiseModel
from qnas_jax.quantum.planning.affine import AffineMap
from qnas_jax.quantum.planning.blocks import angle_rows

HIGHEST = jax.lax.Precision.HIGHEST


@dataclasses.dataclass(frozen=True)
class NoisySteps:
    """The steps of a circuit; letters: S steps, C different channels, D = 2^K.

    Attributes:
      qubits: for each step K qubits, those of its gate first.
      kraus: complex128 [C, M, D, D], filled up with zeros.
      channels: int32 [S], the channel of each step.
      mixtures: float64 [C, M], chances of the Kraus operators, or None if those of some
        channel depend on the state.
    """

    qubits: tuple[tuple[int, ...], ...]
    kraus: np.ndarray
    channels: np.ndarray
    mixtures: np.ndarray | None

    @property
    def superoperators(self) -> np.ndarray:
        """sum_i K_i (x) K_i^* of each channel, complex128 [C, D^2, D^2]."""
        count, _, size, _ = self.kraus.shape
        pairs = np.einsum("cmab,cmde->cadbe", self.kraus, self.kraus.conj())
        return pairs.reshape(count, size**2, size**2)


@functools.lru_cache(maxsize=64)
def plan_steps(circuit: Circuit, noise: NoiseModel) -> NoisySteps:
    """Joins every gate with the channels that follow it.

    Raises:
      UserError: a channel does not fit its gate.
    """
    width = max((len(op.qubits) for op in circuit.operations), default=1)
    qubits = tuple(
        _filled_up(op.qubits, width, circuit.num_qubits) for op in circuit.operations
    )
    known: dict[tuple, int] = {}
    channels = []
    for operation, front in zip(circuit.operations, qubits, strict=True):
        local = tuple(
            (channel, tuple(front.index(qubit) for qubit in places))
            for channel, places in noise.channels_after(operation)
        )
        channels.append(known.setdefault(local, len(known)))
    products = [_joined_kraus(local, width) for local in known] or [np.eye(2)[None]]
    most = max(len(kraus) for kraus in products)
    kraus = np.stack(
        [np.pad(k, ((0, most - len(k)), (0, 0), (0, 0))) for k in products]
    )
    return NoisySteps(qubits, kraus, np.array(channels, np.int32), _mixtures(kraus))


def step_gates(
    circuit: Circuit, params: jax.typing.ArrayLike, dtype: jax.typing.DTypeLike
) -> Array:
    """The matrices of all gates, [S, D, D]; those of one kind are computed together.

    Args:
      circuit: of S gates.
      params: [num_params] radians, or more.
      dtype: of the matrices.

    Raises:
      UserError: params is no vector, or is too short.
    """
    check_numbers("params", params)
    params = as_real("params", jnp.asarray(params))
    if params.ndim != 1 or params.shape[0] < circuit.num_params:
        raise UserError(
            f"params: got shape {params.shape}, expected ({circuit.num_params},)"
        )
    kinds: dict[tuple[str, int], list[int]] = {}
    for place, operation in enumerate(circuit.operations):
        kind = (operation.gate, operation.num_controls)
        kinds.setdefault(kind, []).append(place)
    width = max(len(op.qubits) for op in circuit.operations)
    batches = []
    for (name, num_controls), places in kinds.items():
        idle = np.eye(2 ** (width - num_controls - GATES[name].num_qubits))

        def matrix(
            row: Array, name: str = name, added: int = num_controls, idle: Any = idle
        ) -> Array:
            return jnp.kron(control(GATES[name].matrix(*row), added), idle)

        rows = angle_rows([circuit.operations[place] for place in places], params)
        batches.append(jax.vmap(matrix)(rows))
    order = np.argsort([place for places in kinds.values() for place in places])
    return jnp.concatenate(batches).astype(dtype)[order]


@dataclasses.dataclass(frozen=True)
class Gathers:
    """Where amplitudes come from: index = high[i] ^ low[j] for the new index (i, j).

    Attributes:
      high: int32 [S, 2^h], before each step.
      low: int32 [S, 2^l].
      leave: the pair of tables, int32 [2^h] and [2^l], that restores the order after
        the last step.
    """

    high: np.ndarray
    low: np.ndarray
    leave: tuple[np.ndarray, np.ndarray]


def plan_gathers(qubits: Sequence[tuple[int, ...]], num_qubits: int) -> Gathers:
    """Brings the named qubits of each step to the front, the first the foremost."""
    first = order = list(range(num_qubits))
    tables = []
    for front in qubits:
        wanted = [*front, *(q for q in order if q not in front)]
        tables.append(_reordering(order, wanted).tables)
        order = wanted
    high, low = zip(*tables, strict=True)
    leave = _reordering(order, first).tables
    return Gathers(np.stack(high), np.stack(low), leave)


def reordered(values: Array, high: Array, low: Array) -> Array:
    """Values [2^n] in another order of the qubits.

    Args:
      values: [2^n].
      high: int32 [2^h], of one step of `Gathers`.
      low: int32 [2^l], likewise; h + l = n.
    """
    indices = (high[:, None] ^ low[None, :]).reshape(-1)
    return values.at[indices].get(mode="promise_in_bounds", unique_indices=True)


def _reordering(order: list[int], wanted: list[int]) -> AffineMap:
    places = {qubit: bit for bit, qubit in enumerate(reversed(order))}
    return AffineMap(tuple(1 << places[qubit] for qubit in reversed(wanted)))


def _filled_up(qubits: tuple[int, ...], width: int, num_qubits: int) -> tuple[int, ...]:
    idle = (qubit for qubit in range(num_qubits) if qubit not in qubits)
    return (*qubits, *itertools.islice(idle, width - len(qubits)))


def _joined_kraus(local: tuple, width: int) -> np.ndarray:
    """Kraus operators [m, 2^K, 2^K] of channels one after another."""
    joined = np.eye(2**width, dtype=np.complex128)[None]
    for channel, places in local:
        wide = np.stack([_embedded(k, places, width) for k in channel.operators])
        joined = (wide[:, None] @ joined[None]).reshape(-1, *joined.shape[1:])
    return joined


def _embedded(matrix: np.ndarray, places: tuple[int, ...], width: int) -> np.ndarray:
    """A matrix on some of K qubits as [2^K, 2^K]."""
    order = [*places, *(q for q in range(width) if q not in places)]
    full = np.kron(matrix, np.eye(2 ** (width - len(places))))
    back = np.argsort(order)
    tensor = full.reshape((2,) * (2 * width)).transpose([*back, *(width + back)])
    return tensor.reshape(full.shape)


def _mixtures(kraus: np.ndarray) -> np.ndarray | None:
    """Chances [C, M] if all Kraus operators are multiples of unitaries, or None."""
    squares = np.einsum("cmba,cmbd->cmad", kraus.conj(), kraus)
    chances = squares[..., 0, 0].real
    multiples = chances[..., None, None] * np.eye(kraus.shape[-1])
    if np.abs(squares - multiples).max() > 1e-9:
        return None
    return chances / chances.sum(axis=1, keepdims=True)
