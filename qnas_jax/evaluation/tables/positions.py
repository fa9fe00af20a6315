"""Archs counted in mixed radix: positions in the columns of a table.

The ops of an arch are its digits, layer 0 the most significant.
"""

from typing import TypeVar

import chex
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.spaces import SearchSpace, check_archs

MAX_ARCHS = 2**24
"""The largest space that is written out as a table."""

ArrayT = TypeVar("ArrayT", Array, np.ndarray)


def index_of(space: SearchSpace, archs: ArrayT) -> ArrayT:
    """Position of archs among all of a space: their ops as digits, layer 0 first.

    Args:
      space: the space.
      archs: int [..., L]; NumPy arrays are checked, JAX arrays are not.

    Returns:
      int [...].

    Raises:
      UserError: a NumPy array that holds no archs of the space.
    """
    if isinstance(archs, np.ndarray):
        archs = check_archs(space, archs)
    chex.assert_axis_dimension(archs, -1, space.num_layers)
    place = archs[..., 0]
    for layer in range(1, space.num_layers):
        place = place * space.num_ops[layer] + archs[..., layer]
    return place


def archs_at(space: SearchSpace, indices: np.ndarray | np.integer) -> np.ndarray:
    """The archs at positions: the inverse of `index_of`.

    Args:
      space: the space.
      indices: int [...].

    Returns:
      int32 [..., L].
    """
    digits = np.unravel_index(np.asarray(indices), space.num_ops)
    return np.stack(digits, axis=-1).astype(np.int32)


def rows_by_position(space: SearchSpace, archs: np.ndarray, source: str) -> np.ndarray:
    """Which row of a file belongs to each position, for a file with all archs.

    Args:
      space: the space.
      archs: int [N, L], those of the file's rows.
      source: the file, for the error.

    Returns:
      int [N].

    Raises:
      UserError: an arch is missing, is there twice, or is none of the space.
    """
    place = index_of(space, archs)
    if not np.array_equal(np.sort(place), np.arange(space.size)):
        raise UserError(f"{source}: an architecture is missing, or is there twice")
    return np.argsort(place)


def check_size(space: SearchSpace) -> None:
    """Checks that a space can be written out as a table.

    Raises:
      UserError: it has too many archs.
    """
    if space.size > MAX_ARCHS:
        raise UserError(
            f"table {space.name}: got a space of {space.size} archs, expected at most "
            f"{MAX_ARCHS}; a larger one needs an evaluator of its own"
        )
