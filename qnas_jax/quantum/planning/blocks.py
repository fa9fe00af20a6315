"""Matrices of the bins of a plan, as functions of the parameters.

The entries of all gate matrices of a circuit are one flat vector; a gate inside a piece
is a table of places in that vector, so additional controls, idle qubits and the order
of the qubits cost nothing. Pieces of one size are multiplied as one batch and bins of
one composition are one batch of Kronecker products: the number of compiled operations
does not grow with the depth of a circuit.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qnas_jax.quantum.circuit import Operation, Param
from qnas_jax.quantum.gates import CONTROLLED, GATES
from qnas_jax.quantum.planning.fusion import Piece, Round


def bin_matrices(
    rounds: Sequence[Round], params: jax.Array, dtype: jax.typing.DTypeLike
) -> list[jax.Array]:
    """Matrices of all bins.

    Args:
      rounds: R rounds whose bins have the same sizes.
      params: [num_params] parameter vector.
      dtype: complex type of the matrices.

    Returns:
      For each bin of k qubits a complex [R, 2**k, 2**k].
    """
    groups = [group for each in rounds for group in each.bins]
    pieces: dict[int, list[Piece]] = {}
    rows = []
    for group in groups:
        same = [pieces.setdefault(len(piece.qubits), []) for piece in group]
        rows.append(
            [(len(p.qubits), _append(s, p)) for s, p in zip(same, group, strict=True)]
        )
    operations = [op for group in groups for piece in group for op in piece.operations]
    entries, starts = _gate_entries(operations, params, dtype)
    products = {
        size: _piece_products(members, entries, starts)
        for size, members in pieces.items()
    }
    num_bins = len(rounds[0].bins)
    return [_bin_products(rows[b::num_bins], products) for b in range(num_bins)]


def operation_matrix(
    operation: Operation, params: jax.Array, dtype: jax.typing.DTypeLike
) -> jax.Array:
    """Matrix [2**k, 2**k] of an operation without its additional controls.

    Args:
      operation: on k qubits beside these controls.
      params: [num_params] parameter vector.
      dtype: complex type of the matrix.
    """
    angles = angle_rows([operation], params)[0]
    return GATES[operation.gate].matrix(*angles).astype(dtype)


def _append(pieces: list[Piece], piece: Piece) -> int:
    pieces.append(piece)
    return len(pieces) - 1


def angle_rows(operations: Sequence[Operation], params: jax.Array) -> jax.Array:
    """Angles [m, p] of m operations with p parameters each, of params [num_params]."""
    terms = [
        (angle.index, angle.scale, angle.offset)
        if isinstance(angle, Param)
        else (0, 0.0, angle)
        for operation in operations
        for angle in operation.params
    ]
    shape = (len(operations), len(operations[0].params), 3)
    index, scale, offset = np.moveaxis(np.array(terms).reshape(shape), 2, 0)
    fixed = jnp.asarray(offset, params.dtype)
    if not params.shape[0]:
        return fixed
    return fixed + jnp.asarray(scale, params.dtype) * params[index.astype(int)]


def _gate_entries(
    operations: Sequence[Operation], params: jax.Array, dtype: jax.typing.DTypeLike
) -> tuple[jax.Array, dict[Operation, int]]:
    """Zero, one and the entries of all gates; where those of an operation start."""
    groups: dict[str, dict[Operation, None]] = {}
    for operation in operations:
        groups.setdefault(_uncontrolled(operation)[0], {})[operation] = None
    parts = [jnp.arange(2).astype(dtype)]
    starts: dict[Operation, int] = {}
    start = 2
    for name, members in groups.items():
        gate = GATES[name]
        if gate.num_params:
            angles = angle_rows(list(members), params)
            matrices = jax.vmap(lambda row, gate=gate: gate.matrix(*row))(angles)
        else:
            matrices = gate.matrix()[None]
        parts.append(matrices.astype(dtype).reshape(-1))
        size = matrices.shape[-1] ** 2
        for row, operation in enumerate(members):
            starts[operation] = start + (row * size if gate.num_params else 0)
        start += parts[-1].shape[0]
    return jnp.concatenate(parts), starts


def _uncontrolled(operation: Operation) -> tuple[str, int]:
    """Name without controls, and the number of all controls."""
    name = CONTROLLED.get(operation.gate)
    if name is None:
        return operation.gate, operation.num_controls
    return name, operation.num_controls + 1


def _piece_products(
    pieces: Sequence[Piece], entries: jax.Array, starts: dict[Operation, int]
) -> jax.Array:
    """Products [m, 2**k, 2**k] of the gates of m pieces of k qubits each."""
    size = len(pieces[0].qubits)
    depth = max(len(piece.operations) for piece in pieces)
    eye = np.eye(2**size, dtype=np.int32)
    table = np.broadcast_to(eye, (depth, len(pieces), *eye.shape)).copy()
    for column, piece in enumerate(pieces):
        for step, operation in enumerate(piece.operations):
            places = tuple(piece.qubits.index(q) for q in operation.qubits)
            pattern = _pattern(places, size, _uncontrolled(operation)[1])
            shifted = pattern + (starts[operation] - 2)
            table[step, column] = np.where(pattern > 1, shifted, pattern)

    def multiply(product: jax.Array, where: jax.Array) -> tuple[jax.Array, None]:
        return _matmul(entries[where], product), None

    start = jnp.broadcast_to(jnp.asarray(eye, entries.dtype)[None], table.shape[1:])
    return lax.scan(multiply, start, jnp.asarray(table))[0]


@functools.lru_cache(maxsize=4096)
def _pattern(places: tuple[int, ...], size: int, num_controls: int) -> np.ndarray:
    """A gate over `size` qubits: zero, one, or two plus the number of its entry."""
    inner = 2 ** (len(places) - num_controls)
    full = np.eye(2 ** len(places), dtype=np.int32)
    full[-inner:, -inner:] = 2 + np.arange(inner**2).reshape(inner, inner)
    rest = [q for q in range(size) if q not in places]
    wide = np.kron(full, np.eye(2 ** len(rest), dtype=np.int32))
    order = np.argsort([*places, *rest])
    tensor = wide.reshape((2,) * (2 * size)).transpose([*order, *(size + order)])
    return tensor.reshape(wide.shape)


def _bin_products(
    rows: Sequence[list[tuple[int, int]]], products: dict[int, jax.Array]
) -> jax.Array:
    """Kronecker products of the pieces, (size, row) each, of one bin in every round."""
    kinds: dict[tuple[int, ...], list[int]] = {}
    for number, members in enumerate(rows):
        kinds.setdefault(tuple(size for size, _ in members), []).append(number)
    parts, order = [], []
    for sizes, numbers in kinds.items():
        chosen = np.array([[row for _, row in rows[number]] for number in numbers])
        factors = [products[s][chosen[:, place]] for place, s in enumerate(sizes)]
        parts.append(functools.reduce(_kron, factors))
        order += numbers
    return jnp.concatenate(parts)[np.argsort(order)]


def _kron(left: jax.Array, right: jax.Array) -> jax.Array:
    """Kronecker products of two batches of matrices."""
    batch, a, b = left.shape[0], left.shape[1], right.shape[1]
    product = left[:, :, None, :, None] * right[:, None, :, None, :]
    return product.reshape(batch, a * b, a * b)


def _matmul(left: jax.Array, right: jax.Array) -> jax.Array:
    """Products of two batches of small matrices, as sums instead of library calls."""
    return jnp.sum(left[:, :, :, None] * right[:, None, :, :], axis=2)
