"""Matrices on a few qubits of a state, one at a time.

For noise, where a random matrix or a channel stands between any two gates and nothing
can be planned ahead as in `simulate`.
"""

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.quantum.blocks import operation_matrices
from qnas_jax.quantum.circuit import Circuit, Operation
from qnas_jax.quantum.conventions import check_qubits, num_qubits_of

_HIGHEST = jax.lax.Precision.HIGHEST


def gate_matrices(
    circuit: Circuit, params: jax.typing.ArrayLike, dtype: jax.typing.DTypeLike
) -> list[Array]:
    """The matrices of all operations of a circuit, those of one kind as one batch.

    Args:
      circuit: static.
      params: [num_params] radians.
      dtype: complex type of the matrices.

    Returns:
      For each operation on k qubits, controls included, [2^k, 2^k].

    Raises:
      ValueError: params has a wrong length.
    """
    params = jnp.asarray(params)
    if params.ndim != 1 or params.shape[0] < circuit.num_params:
        raise ValueError(
            f"params: got shape {params.shape}, expected ({circuit.num_params},)"
        )
    kinds: dict[tuple[str, int], list[int]] = {}
    for place, operation in enumerate(circuit.operations):
        kind = (operation.gate, operation.num_controls)
        kinds.setdefault(kind, []).append(place)
    matrices: dict[int, Array] = {}
    for places in kinds.values():
        alike: list[Operation] = [circuit.operations[place] for place in places]
        batch = operation_matrices(alike, params, dtype)
        matrices.update(zip(places, batch, strict=True))
    return [matrices[place] for place in range(len(circuit.operations))]


def apply_matrix(state: Array, matrix: Array, qubits: tuple[int, ...]) -> Array:
    """A matrix, unitary or not, on some qubits of a state.

    Args:
      state: [2^n].
      matrix: [2^k, 2^k], the first of `qubits` is the most significant.
      qubits: k distinct numbers in [0, n).

    Returns:
      [2^n].

    Raises:
      ValueError: a qubit is repeated or out of range.
    """
    check_qubits(qubits, num_qubits_of(state))
    front, axes = _in_front(state, qubits)
    flat = front.reshape(matrix.shape[0], -1)
    moved = jnp.matmul(matrix, flat, precision=_HIGHEST).reshape(front.shape)
    return jnp.moveaxis(moved, range(len(axes)), axes).reshape(state.shape)


def _in_front(state: Array, qubits: tuple[int, ...]) -> tuple[Array, list[int]]:
    """The state with an axis for each of some qubits first, and where those came from.

    Qubits between them share an axis: XLA's transposes grow slow with many axes.
    """
    ends = sorted(qubits)
    starts = [-1, *ends]
    last = num_qubits_of(state)
    shape: list[int] = []
    for before, qubit in zip(starts, [*ends, last], strict=True):
        shape += [2 ** (qubit - before - 1), 2]
    axes = [2 * ends.index(qubit) + 1 for qubit in qubits]
    return jnp.moveaxis(state.reshape(shape[:-1]), axes, range(len(axes))), axes
