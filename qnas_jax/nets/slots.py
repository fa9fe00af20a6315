"""Weights of all ops as rows, and how a path's rows are read and written back.

`Slots` is a tree {"fixed": [row a block], "layers": [[K_l, D_l] a layer]}, used alike
for parameters, running statistics, gradients and optimiser moments. A *path* is the
same tree with one row a layer.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import materialise

Slots = dict[str, list[jax.Array]]
RowKind = Literal["params", "stats"]


class RowArray(NamedTuple):
    """One array of a module in a flat row.

    Attributes:
      name: dotted path in the module.
      start: where it begins in the row.
      shape: of the array.
    """

    name: str
    start: int
    shape: tuple[int, ...]


RowArrays = dict[str, list[list[tuple[RowArray, ...]]]]
"""The arrays in the rows of `Slots`, for each op of each block; fixed ones have one."""


def take_path(slots: Slots, arch: jax.Array) -> Slots:
    """Reads the rows of a path.

    They are materialised: read before `put_path` writes, which then writes into donated
    weights in place. Read again later, XLA keeps the old weights as a copy.

    Args:
      slots: rows of all ops.
      arch: int32 [L].

    Returns:
      The same tree with one row a layer.
    """
    rows = [
        materialise(lax.dynamic_index_in_dim(matrix, arch[layer], keepdims=False))
        for layer, matrix in enumerate(slots["layers"])
    ]
    return {"fixed": slots["fixed"], "layers": rows}


def put_path(slots: Slots, arch: jax.Array, path: Slots) -> Slots:
    """Writes the rows of a path back; all other rows keep their values.

    Args:
      slots: rows of all ops.
      arch: int32 [L].
      path: one row a layer.

    Returns:
      The updated tree.
    """
    layers = [
        lax.dynamic_update_index_in_dim(matrix, row, arch[layer], axis=0)
        for layer, (matrix, row) in enumerate(
            zip(slots["layers"], path["layers"], strict=True)
        )
    ]
    return {"fixed": path["fixed"], "layers": layers}


def put_means(slots: Slots, archs: jax.Array, paths: Slots) -> Slots:
    """Writes the rows of several paths back: the mean of all that share a row.

    Args:
      slots: rows of all ops.
      archs: int32 [S, L].
      paths: `Slots` of a path with a leading [S].

    Returns:
      The updated tree; rows of ops that no path uses keep their values.
    """
    layers = []
    for layer, (matrix, rows) in enumerate(
        zip(slots["layers"], paths["layers"], strict=True)
    ):
        ops = archs[:, layer]
        counts = jnp.zeros((len(matrix), 1), matrix.dtype).at[ops].add(1)
        sums = jnp.zeros_like(matrix).at[ops].add(rows.astype(matrix.dtype))
        layers.append(jnp.where(counts > 0, sums / jnp.maximum(counts, 1), matrix))
    fixed = [rows.mean(axis=0) for rows in paths["fixed"]]
    return {"fixed": fixed, "layers": layers}
