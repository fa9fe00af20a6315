"""Arrays of a certain kind in the rows of a supernet: sums, means and masks.

Which arrays a row holds depends on its op, and the op is data: the ends of the arrays
are a table with a row an op.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.nets import RowArray, RowArrays, Slots

Wanted = Callable[[RowArray], bool]


class Arrays(NamedTuple):
    """The arrays in the rows of each op of a place, in order, and the gaps between.

    Attributes:
      ends: where each ends, int32 [K, M]; ops with fewer arrays repeat the last.
      sizes: number of values, float32 [K, M].
      wanted: 1.0 for those that are asked for, float32 [K, M].
    """

    ends: np.ndarray
    sizes: np.ndarray
    wanted: np.ndarray

    def sums(self, op: jax.Array, row: jax.Array) -> jax.Array:
        """Sums of the wanted arrays in an op's row [D], float32 [M]; others 0."""
        array = self._array_of(op, row.shape[0])
        count = self.ends.shape[1]
        sums = jax.ops.segment_sum(row, array, num_segments=count + 1)[:count]
        return jnp.asarray(self.wanted)[op] * sums

    def means(self, op: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Means of the wanted arrays in an op's row [D], and which are wanted: [M]."""
        wanted = jnp.asarray(self.wanted)[op]
        return self.sums(op, row) / jnp.asarray(self.sizes)[op], wanted > 0

    def mask(self, op: jax.Array, width: int) -> jax.Array:
        """Whether each value of an op's row is in a wanted array, bool [width]."""
        padded = jnp.pad(jnp.asarray(self.wanted)[op], (0, 1))
        return padded[self._array_of(op, width)] > 0

    def _array_of(self, op: jax.Array, width: int) -> jax.Array:
        ends = jnp.asarray(self.ends)[op]
        return jnp.searchsorted(ends, jnp.arange(width), side="right")


Groups = dict[str, list[Arrays]]


def groups_of(rows: RowArrays, wanted: Wanted) -> Groups:
    """Finds arrays in the rows of a supernet.

    Args:
      rows: what `Supernet.row_arrays` says.
      wanted: whether an array is asked for.

    Returns:
      In the form of `Slots`, one entry a block or place.
    """
    return {
        group: [_arrays(ops, wanted) for ops in places]
        for group, places in rows.items()
    }


def rows_of(
    groups: Groups, path: Slots, arch: jax.Array
) -> Iterator[tuple[Arrays, jax.Array, jax.Array]]:
    """Walks through the rows of a path.

    Args:
      groups: see `groups_of`.
      path: one row a place.
      arch: int32 [L].

    Yields:
      Arrays, op int32 [] and row [D] of each block and place; D differs.
    """
    for arrays, row in zip(groups["fixed"], path["fixed"], strict=True):
        yield arrays, jnp.int32(0), row
    for arrays, op, row in zip(groups["layers"], arch, path["layers"], strict=True):
        yield arrays, op, row


def _arrays(ops: Sequence[tuple[RowArray, ...]], wanted: Wanted) -> Arrays:
    parts = [list(_parts(arrays, wanted)) for arrays in ops]
    most = max(1, *(len(each) for each in parts))
    sizes = np.zeros((len(ops), most), np.int32)
    flags = np.zeros((len(ops), most), np.float32)
    for op, each in enumerate(parts):
        for place, (size, flag) in enumerate(each):
            sizes[op, place], flags[op, place] = size, flag
    ends = np.cumsum(sizes, axis=1, dtype=np.int32)
    return Arrays(ends, np.maximum(sizes, 1).astype(np.float32), flags)


def _parts(arrays: Sequence[RowArray], wanted: Wanted) -> Iterator[tuple[int, bool]]:
    """Size of each array and of each gap before one, and whether it is asked for."""
    end = 0
    for array in arrays:
        if array.start > end:
            yield array.start - end, False
        size = math.prod(array.shape)
        yield size, wanted(array)
        end = array.start + size
