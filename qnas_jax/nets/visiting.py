"""In which order a population is visited, so that nothing is computed twice.

Sorted architectures stand next to those that begin with the same ops. Walking through
them in this order and computing only from the first layer that differs from the one
before is a walk through their prefix tree: every shared beginning is computed once.
"""

import jax
import jax.numpy as jnp
from flax import struct


class VisitingOrder(struct.PyTreeNode):
    """How to walk through the distinct architectures of a population.

    Attributes:
      archs: int32 [P, L], the distinct ones in lexicographic order, then repeats.
      first_layer: int32 [P], the first layer in which each differs from the one before
        it; 0 for the very first.
      count: int32, how many are distinct.
      place: int32 [P], where each architecture of the population stands in `archs`.
    """

    archs: jax.Array
    first_layer: jax.Array
    count: jax.Array
    place: jax.Array


def visiting_order(archs: jax.Array) -> VisitingOrder:
    """Plans the walk.

    Args:
      archs: int32 [P, L].

    Returns:
      The order.
    """
    by_arch = jnp.lexsort(archs.T[::-1])
    ordered = archs[by_arch]
    differs = (ordered != jnp.roll(ordered, 1, axis=0)).at[0, 0].set(True)
    is_new = differs.any(axis=1)
    front = jnp.argsort(~is_new, stable=True)
    place = jnp.zeros_like(by_arch).at[by_arch].set(jnp.cumsum(is_new) - 1)
    first_layer = differs.argmax(axis=1)
    return VisitingOrder(
        archs=ordered[front],
        first_layer=first_layer[front].astype(jnp.int32),
        count=is_new.sum(),
        place=place,
    )
