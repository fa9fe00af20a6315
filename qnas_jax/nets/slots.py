"""Weights of all ops as rows, and how a path's rows are read and written back.

`Slots` is a tree {"fixed": [row a block], "layers": [[K_l, D_l] a layer]}, used alike
for parameters, running statistics, gradients and optimiser moments. A *path* is the
same tree with one row a layer.
"""

import jax
from jax import lax

from qnas_jax.kernels import materialise
from qnas_jax.spaces import NetworkSpace

Slots = dict[str, list[jax.Array]]


def gather(slots: Slots, arch: jax.Array) -> Slots:
    """Reads the rows of a path.

    They are materialised: read before `scatter` writes, which then writes into donated
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


def scatter(slots: Slots, arch: jax.Array, path: Slots) -> Slots:
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


def places_of_blocks(space: NetworkSpace) -> tuple[tuple[str, int], ...]:
    """Where the rows of each block lie in `Slots`.

    Args:
      space: the search space.

    Returns:
      Group ("fixed" or "layers") and place in it of each block, in data order.
    """
    num_stem, num_fixed = len(space.stem), len(space.stem) + len(space.head)
    stem = [("fixed", place) for place in range(num_stem)]
    layers = [("layers", place) for place in range(space.num_layers)]
    head = [("fixed", place) for place in range(num_stem, num_fixed)]
    return (*stem, *layers, *head)
