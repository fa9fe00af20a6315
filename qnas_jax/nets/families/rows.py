"""Where the weights of an op lie in its row, and in the padded arrays of its family.

An array of an op is a block of its row. In the padded array of the family it is a part,
the rest is zeros: the taps of a smaller kernel are the centre of the larger one, fewer
channels are the first ones, the groups of a grouped product are blocks on the diagonal
of a matrix. Both directions are one gather each whose indices are computed from a few
integers of the op, so that the op is data and nothing is stored for the whole layer.
Each is the transpose of the other: a padded place has no place in the row, so no
gradient reaches it.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_NOWHERE = 2**30  # far outside of any row or vector

Placing = Literal["first", "centred", "last", "diagonal"]


@dataclasses.dataclass(frozen=True)
class Field:
    """A padded array of a family.

    Attributes:
      name: what it is called.
      shape: of the padded array, up to four axes.
      placing: where the array of an op lies in it. "first": at the beginning of each
        axis. "centred": the same, but in the middle of the first two axes, the taps of
        a kernel. "last": at the end of them, the present step of a kernel that looks
        back. "diagonal": an array [groups, rows, columns] as blocks on the diagonal
        of a matrix.
    """

    name: str
    shape: tuple[int, ...]
    placing: Placing = "first"

    @property
    def axes(self) -> tuple[int, int, int, int]:
        """The shape as two leading axes, rows and columns."""
        return self.axes_of(self.shape)

    def axes_of(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Likewise the shape of an op's array, which may lack or add leading ones.

        Raises:
          ValueError: it has no place in the field.
        """
        rank = len(self.shape)
        padded = (1,) * (rank - len(shape)) + shape
        if len(padded) > rank and set(padded[:-rank]) <= {1}:
            padded = padded[-rank:]
        if len(padded) != rank or rank > 4:
            raise ValueError(f"array {self.name!r}: {shape} in a field {self.shape}")
        if self.placing == "centred" and rank == 3:  # [k, k, C]: no rows
            return padded[0], padded[1], 1, padded[2]
        first, second, rows, columns = (1,) * (4 - rank) + padded
        return first, second, rows, columns

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))


@dataclasses.dataclass(frozen=True)
class Block:
    """An array of an op in its row.

    Attributes:
      start: its first position.
      shape: of the array; it may lack leading axes of size 1 that the field has, or
        have more of them.
    """

    start: int
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class RowMap:
    """The blocks of all ops of a layer, for parameters or for statistics.

    Attributes:
      fields: the padded arrays, in the order of the padded vector.
      places: int32 [K, F, 9], for each op and field: start, end, sizes of the two
        leading axes and where they begin in the field, groups, rows and columns of a
        group. An absent field has end = start = 0.
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
        """The padded arrays by name, from the padded vector [size]."""
        arrays, start = {}, 0
        for field in self.fields:
            part = vector[start : start + field.size]
            arrays[field.name] = part.reshape(field.shape)
            start += field.size
        return arrays

    def join(self, arrays: Mapping[str, jax.Array]) -> jax.Array:
        """The padded vector [size] of all arrays, given by name as `split` does."""
        parts = [jnp.ravel(arrays[field.name]) for field in self.fields]
        return jnp.concatenate(parts) if parts else jnp.zeros(0)


def make_row_map(fields: Sequence[Field], ops: Sequence[Mapping[str, Block]]) -> RowMap:
    """Builds the map of a layer.

    Args:
      fields: the padded arrays, of at least one value.
      ops: the blocks of each op by the field's name; an op may lack fields.

    Returns:
      The map.
    """
    places = np.zeros((len(ops), len(fields), 9), np.int32)
    places[..., 2:4] = places[..., 6:9] = 1
    for index, blocks in enumerate(ops):
        for place, field in enumerate(fields):
            if field.name in blocks:
                places[index, place] = _place(field, blocks[field.name])
    absent = places[..., 1] == 0
    order = np.argsort(np.where(absent, _NOWHERE, places[..., 0]), axis=1)
    return RowMap(tuple(fields), places, order.astype(np.int32))


def _place(field: Field, block: Block) -> tuple[int, ...]:
    end = block.start + int(np.prod(block.shape))
    if field.placing == "diagonal":
        return block.start, end, 1, 1, 0, 0, *block.shape
    first, second, rows, columns = field.axes_of(block.shape)
    borders = 0, 0
    around = field.axes[0] - first, field.axes[1] - second
    if field.placing == "centred":
        borders = around[0] // 2, around[1] // 2
    elif field.placing == "last":
        borders = around
    return block.start, end, first, second, *borders, 1, rows, columns


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def read_row(row_map: RowMap, op: jax.Array, row: jax.Array) -> jax.Array:
    """Reads the padded vector of an op from its row.

    Args:
      row_map: of the layer.
      op: int32 scalar.
      row: [D].

    Returns:
      The padded vector [row_map.size]; padded places are zero.
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
      vector: the padded vector [row_map.size].
      row: [D], the values of places that the op does not have.

    Returns:
      The new row, [D].
    """
    if not row_map.fields:
        return row
    index = _positions_in_vector(row_map, op, row.shape[0])
    found = vector.at[index].get(mode="fill", fill_value=0)
    return jnp.where(index < row_map.size, found, row)


def _positions_in_row(field: Field, place: jax.Array) -> jax.Array:
    """For each padded value, where it stands in the row; far outside if nowhere.

    A sum of what each axis adds, so nothing is divided but along one axis.
    """
    start, end, first, second, up, left, groups, rows, columns = place
    i, j, row, column = (jnp.arange(size, dtype=jnp.int32) for size in field.axes)
    if field.placing == "diagonal":
        group = lax.div(column, jnp.broadcast_to(columns, column.shape))
        own_group = lax.div(row, jnp.broadcast_to(rows, row.shape))
        inside = own_group[:, None] == group[None]
        inside &= (group < groups)[None]
        # The rows of the groups follow each other: row counts them all.
        position = (row * columns)[:, None] + (column - group * columns)[None]
    else:
        i, j = i - up, j - left
        inside = _outer(
            jnp.logical_and,
            (i >= 0) & (i < first),
            (j >= 0) & (j < second),
            row < rows,
            column < columns,
        )
        position = _outer(
            jnp.add,
            i * (second * rows * columns),
            j * (rows * columns),
            row * columns,
            column,
        )
    inside &= end > start
    return jnp.where(inside, start + position, _NOWHERE).ravel()


def _outer(combine: Callable[..., jax.Array], *axes: jax.Array) -> jax.Array:
    """Combines vectors, each along an axis of its own."""
    wide = (
        jnp.expand_dims(axis, [other for other in range(len(axes)) if other != own])
        for own, axis in enumerate(axes)
    )
    found, *rest = (jnp.broadcast_to(each, tuple(map(len, axes))) for each in wide)
    return functools.reduce(combine, rest, found)


def _positions_in_vector(row_map: RowMap, op: jax.Array, width: int) -> jax.Array:
    """For each value of a row, where it stands in the vector; its size if nowhere."""
    order = jnp.asarray(row_map.order)[op]
    bases = np.cumsum([0, *(field.size for field in row_map.fields)])[:-1]
    statics = [
        (base, *field.axes[1:])
        for base, field in zip(bases, row_map.fields, strict=True)
    ]
    table = jnp.concatenate(
        [jnp.asarray(row_map.places)[op], jnp.asarray(statics, jnp.int32)], axis=1
    )[order]
    ends = jnp.where(table[:, 1] > 0, table[:, 1], _NOWHERE)
    number = lax.iota(jnp.int32, width)
    which = jnp.sum(number[:, None] >= ends[None], axis=1)
    start, end, _, second, up, left, groups, rows, columns, base, *sizes = (
        table[:, entry][which] for entry in range(table.shape[1])
    )
    all_second, all_rows, all_columns = sizes
    block, inner = _divide(number - start, rows * columns)
    leading, group = _divide(block, groups)
    i, j = _divide(leading, second)
    row, column = _divide(inner, columns)
    i, j, row, column = i + up, j + left, row + group * rows, column + group * columns
    position = ((i * all_second + j) * all_rows + row) * all_columns + column
    exists = (which < len(row_map.fields)) & (number >= start) & (number < end)
    return jnp.where(exists, base + position, row_map.size)


def _divide(number: jax.Array, by: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Quotient and remainder towards zero, which compile to less than Python's."""
    quotient = lax.div(number, by)
    return quotient, number - quotient * by
