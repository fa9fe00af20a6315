"""In which precision a network computes: each block in that of its own parameters.

Values are cast to the precision of a block's row of parameters when they enter it.
Running statistics are float32, and so are the sums of products and the statistics of a
batch; logits are float32 at least.
"""

from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.nets.slots import Slots

PRECISIONS = ("float32", "bfloat16")


def as_row(values: jax.Array, row: jax.Array) -> jax.Array:
    """Values [...] in the precision of a block's row [D]; integers stay as they are."""
    if not jnp.issubdtype(values.dtype, jnp.floating):
        return values
    return values.astype(row.dtype)


def exact(values: jax.Array) -> jax.Array:
    """Values [...] in float32 at least."""
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


def cast_rows(params: Slots, precision: Any, before_mean: int) -> Slots:
    """Casts the rows of all layers, and of fixed blocks up to the mean over the pixels.

    Args:
      params: the supernet's parameters, or a path's.
      precision: a dtype or its name.
      before_mean: how many fixed blocks come before the mean.

    Returns:
      The rows; those behind are as they were.
    """
    fixed, layers = params["fixed"], params["layers"]
    early = [row.astype(precision) for row in fixed[:before_mean]]
    return {
        "fixed": early + fixed[before_mean:],
        "layers": [matrix.astype(precision) for matrix in layers],
    }
