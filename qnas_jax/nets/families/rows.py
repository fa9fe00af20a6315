"""Where the weights of an op lie in its row, and in the padded arrays of its family.

An array of an op is a block of its row. In the padded form it is a part of a matrix
[R, C], the same for all ops of the layer: the k * k taps of a depth-wise kernel are the
centre of K * K rows, the groups of a grouped product are blocks on the diagonal, fewer
channels are fewer columns. Both directions are one gather each whose indices are
computed from a few integers of the op, so that the op is data and nothing is stored for
the whole layer. Each is the transpose of the other: a padded place has no place in the
row, so no gradient reaches it.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

_NO_TAPS = 2**30  # taps of an array without any: its rows stay where they are


@dataclasses.dataclass(frozen=True)
class Field:
    """A padded array of a family.

    Attributes:
      name: what it is called.
      shape: the padded array.
      taps: K if its first K * K rows are the taps of a kernel, else 0.
    """

    name: str
    shape: tuple[int, ...]
    taps: int = 0

    @property
    def columns(self) -> int:
        """Columns of the matrix view."""
        if self.taps:
            return int(np.prod(self.shape[2:]))
        return int(self.shape[-1])

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))


@dataclasses.dataclass(frozen=True)
class Block:
    """An array of an op in its row.

    Attributes:
      start: its first position.
      shape: of the real array: [k, k, ...] for taps, [groups, rows / groups, columns /
        groups] for a product, else anything that is one row of the padded matrix.
    """

    start: int
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class RowMap:
    """The blocks of all ops of a layer, for parameters or for statistics.

    Attributes:
      fields: the padded arrays, in the order of the padded vector.
      places: int32 [K, F, 6], for each op and field: start, end, rows of a group,
        columns of a group, taps in one direction, taps left out at the border. An
        absent field has end = start = 0.
      order: int32 [K, F], the fields of each op as they follow each other in the row.
    """

    fields: tuple[Field, ...]
    places: np.ndarray
    order: np.ndarray

    @property
    def size(self) -> int:
        """Length of the padded vector."""
        return sum(field.size for field in self.fields)

    def split(self, vector: jax.Array) -> dict[str, jax.Array]:
        """The padded arrays by name."""
        arrays, start = {}, 0
        for field in self.fields:
            part = vector[start : start + field.size]
            arrays[field.name] = part.reshape(field.shape)
            start += field.size
        return arrays

    def join(self, arrays: Mapping[str, jax.Array]) -> jax.Array:
        """The padded vector of all arrays; those that are not named are zeros."""
        zeros = {field.name: jnp.zeros(field.size) for field in self.fields}
        parts = zeros | {name: jnp.ravel(array) for name, array in arrays.items()}
        return jnp.concatenate([jnp.zeros(0), *(parts[f.name] for f in self.fields)])


def make_row_map(fields: Sequence[Field], ops: Sequence[Mapping[str, Block]]) -> RowMap:
    """Builds the map of a layer.

    Args:
      fields: the padded arrays, of at least one value.
      ops: the blocks of each op by the field's name; an op may lack fields.

    Returns:
      The map.
    """
    places = np.zeros((len(ops), len(fields), 6), np.int32)
    places[..., 2:4] = 1
    places[..., 4] = _NO_TAPS
    for index, blocks in enumerate(ops):
        for place, field in enumerate(fields):
            if field.name in blocks:
                places[index, place] = _place(field, blocks[field.name])
    absent = places[..., 1] == 0
    order = np.argsort(np.where(absent, 2**30, places[..., 0]), axis=1, kind="stable")
    return RowMap(tuple(fields), places, order.astype(np.int32))


def _place(field: Field, block: Block) -> tuple[int, ...]:
    end = block.start + int(np.prod(block.shape))
    if field.taps:
        taps = block.shape[0]
        columns = (end - block.start) // taps**2
        border = (field.taps - taps) // 2
        return block.start, end, taps * taps, columns, taps, border
    if len(field.shape) == 2:
        _, rows, columns = block.shape
        return block.start, end, rows, columns, _NO_TAPS, 0
    return block.start, end, 1, int(np.prod(block.shape)), _NO_TAPS, 0


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def read_row(row_map: RowMap, op: jax.Array, row: jax.Array) -> jax.Array:
    """Reads the padded vector of an op from its row.

    Args:
      row_map: of the layer.
      op: int32 scalar.
      row: [D].

    Returns:
      The padded vector; padded places are zero.
    """
    if not row_map.fields:
        return row[:0]
    places = jnp.asarray(row_map.places)[op]
    indices = [
        _positions_in_row(field, places[place])
        for place, field in enumerate(row_map.fields)
    ]
    index = jnp.concatenate(indices)
    return row.at[index].get(mode="fill", fill_value=0)


def _read_forward(
    row_map: RowMap, op: jax.Array, row: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    # The row itself is kept for its length alone; the compiler leaves it out.
    return read_row(row_map, op, row), (op, row)


def _read_backward(
    row_map: RowMap, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[None, jax.Array]:
    op, row = saved
    return None, write_row(row_map, op, gradient, jnp.zeros_like(row))


read_row.defvjp(_read_forward, _read_backward)


def write_row(
    row_map: RowMap, op: jax.Array, vector: jax.Array, row: jax.Array
) -> jax.Array:
    """Writes a padded vector into the row of an op.

    Args:
      row_map: of the layer.
      op: int32 scalar.
      vector: the padded vector.
      row: [D], the values of places that the op does not have.

    Returns:
      The new row.
    """
    if not row_map.fields:
        return row
    index = _positions_in_vector(row_map, op, row.shape[0])
    found = vector.at[index].get(mode="fill", fill_value=0)
    return jnp.where(index < row_map.size, found, row)


def _positions_in_row(field: Field, place: jax.Array) -> jax.Array:
    """For each padded value, where it stands in the row; far outside if nowhere."""
    start, end, group_rows, group_columns, taps, border = place
    number = jax.lax.iota(jnp.int32, field.size)
    row, column = number // field.columns, number % field.columns
    exists = end > start
    if field.taps:
        up, left = row // field.taps - border, row % field.taps - border
        exists &= (up >= 0) & (left >= 0) & (up < taps) & (left < taps)
        row = up * taps + left
    group = column // group_columns
    exists &= row // group_rows == group
    position = start + row * group_columns + column - group * group_columns
    exists &= position < end
    return jnp.where(exists, position, _NO_TAPS)


def _positions_in_vector(row_map: RowMap, op: jax.Array, width: int) -> jax.Array:
    """For each value of a row, where it stands in the vector; its size if nowhere."""
    order = jnp.asarray(row_map.order)[op]
    bases = np.cumsum([0, *(field.size for field in row_map.fields)])[:-1]
    statics = [
        (base, field.columns, field.taps)
        for base, field in zip(bases, row_map.fields, strict=True)
    ]
    table = jnp.concatenate(
        [jnp.asarray(row_map.places)[op], jnp.asarray(statics, jnp.int32)], axis=1
    )[order]
    ends = jnp.where(table[:, 1] > 0, table[:, 1], _NO_TAPS)
    position = jax.lax.iota(jnp.int32, width)
    which = jnp.sum(position[:, None] >= ends[None], axis=1)
    start, end, group_rows, group_columns, taps, border, base, columns, all_taps = (
        table[:, entry][which] for entry in range(table.shape[1])
    )
    local = position - start
    row = local // group_columns
    column = row // group_rows * group_columns + local % group_columns
    row = (row // taps + border) * all_taps + row % taps + border
    exists = (which < len(row_map.fields)) & (position < end)
    return jnp.where(exists, base + row * columns + column, row_map.size)
