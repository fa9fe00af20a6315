"""In which order a population is visited, so that nothing is computed twice.

Sorted architectures stand next to those that begin with the same ops. Walking through
them in this order and computing only from the first layer that differs from the one
before is a walk through their prefix tree: every shared beginning is computed once.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax import lax

from qnas_jax.nets.slots import Slots

Visitor = Callable[[jax.Array, jax.Array, Slots, Any], Any]
"""(place, logits [N, classes], new statistics of the path, carry) -> carry."""


class VisitingOrder(struct.PyTreeNode):
    """How to walk through the distinct architectures of a population.

    Attributes:
      archs: int32 [P, L], the distinct ones in lexicographic order, then repeats.
      first_layer: int32 [P], the first layer in which each differs from the one before
        it; 0 for the very first.
      count: int32 [], how many are distinct.
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


def visit_in_blocks(
    run: Callable[[jax.Array], tuple[jax.Array, Slots]],
    order: VisitingOrder,
    block: int,
    visitor: Visitor,
    carry: Any,
) -> Any:
    """Runs the distinct architectures, several at once, and shows them one by one.

    Args:
      run: place [] in `order.archs` -> logits [N, classes] and new statistics; may be
        `vmap`ped if more than one are run at once.
      order: the walk.
      block: how many are run at once.
      visitor: (place, logits, new statistics, carry) -> carry.
      carry: start.

    Returns:
      The last carry.
    """
    block = min(block, len(order.archs))
    if block == 1:

        def visit_one(place: jax.Array, carry: Any) -> Any:
            return visitor(place, *run(place), carry)

        return lax.fori_loop(0, order.count, visit_one, carry)

    def visit_block(number: jax.Array, carry: Any) -> Any:
        first = number * block
        places = first + jnp.arange(block)
        found = jax.vmap(run)(jnp.minimum(places, len(order.archs) - 1))

        def visit(index: jax.Array, carry: Any) -> Any:
            logits, stats = jax.tree.map(lambda each: each[index], found)
            return visitor(first + index, logits, stats, carry)

        return lax.fori_loop(0, jnp.minimum(block, order.count - first), visit, carry)

    return lax.fori_loop(0, -(-order.count // block), visit_block, carry)
