"""What code that sees a share of a batch must know: sums and draws over all of it.

Where a step is computed by several devices, each sees its share of the examples. What
is about the whole batch asks here: the statistics of a batch normalisation, draws for
each example. Elsewhere there is one share, and nothing is added.
"""

from collections.abc import Callable

import jax
from jax import lax

EXAMPLES = "examples"
"""The axis of the devices among which the examples of a batch are divided."""


def num_shares() -> int:
    """Among how many devices the batch is divided that is being traced."""
    mesh = jax.sharding.get_abstract_mesh()
    if EXAMPLES not in mesh.manual_axes:
        return 1
    return int(mesh.shape[EXAMPLES])


def over_shares(sums: list[jax.Array]) -> list[jax.Array]:
    """Adds up what each device summed over its own examples.

    Args:
      sums: arrays [...] of any shapes.

    Returns:
      The sums over the whole batch, [...] each; as they are where it is not divided.
    """
    return sums if num_shares() == 1 else list(lax.psum(tuple(sums), EXAMPLES))


def draw_share(draw: Callable[[int], jax.Array], count: int) -> jax.Array:
    """Draws for each example what it would get if one device had the whole batch.

    Args:
      draw: number of examples -> [N, ...].
      count: examples that this device has.

    Returns:
      [count, ...], of its own examples.
    """
    shares = num_shares()
    if shares == 1:
        return draw(count)
    first = lax.axis_index(EXAMPLES) * count
    return lax.dynamic_slice_in_dim(draw(shares * count), first, count)
