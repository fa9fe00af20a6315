"""What was evaluated so far, in buffers of a fixed size.

Fixed sizes let a strategy that learns from all evaluations run under jit, scan and
vmap. Rows of failed evaluations are kept, so that they are not proposed again, with a
score of -inf. When the buffer is full the oldest rows give way.
"""

import dataclasses

import flax.struct
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class MemoryOptions(Options):
    """How much a strategy remembers."""

    memory: int = option(
        0, "evaluations that are remembered; 0: generations x population", low=0
    )

    def capacity(self, population: int, generations: int) -> int:
        """Rows of the history: never fewer than one population."""
        return max(self.memory or generations * population, population)


@flax.struct.dataclass
class History:
    """The last evaluations; row i was the (i mod M)-th."""

    archs: Array  # [M, L] int32, -1 where no row was written yet
    scores: Array  # [M] float32, -inf for failures and rows not written
    count: Array  # [] int32, evaluations recorded, also those that gave way


def empty_history(capacity: int, num_layers: int) -> History:
    """A history without any evaluation.

    Args:
      capacity: M, rows kept, at least 1.
      num_layers: L.

    Returns:
      The history.

    Raises:
      UserError: capacity below 1.
    """
    if capacity < 1:
        raise UserError(f"capacity: got {capacity}, expected at least 1 row")
    return History(
        archs=jnp.full((capacity, num_layers), -1, jnp.int32),
        scores=jnp.full(capacity, -jnp.inf, jnp.float32),
        count=jnp.int32(0),
    )


def record(history: History, archs: Array, scores: Array) -> History:
    """Adds one evaluated population.

    Args:
      history: [M, L] rows, with M at least P.
      archs: int32 [P, L].
      scores: float32 [P], -inf for failed evaluations.

    Returns:
      The history with P rows more.
    """
    capacity = len(history.scores)
    rows = (history.count + jnp.arange(len(scores))) % capacity
    return History(
        archs=history.archs.at[rows].set(archs),
        scores=history.scores.at[rows].set(scores),
        count=history.count + len(scores),
    )


def scored(history: History) -> Array:
    """Bool [M]: the rows that hold a finite score."""
    return jnp.isfinite(history.scores)


def among(archs: Array, others: Array) -> Array:
    """Bool [S]: which of the archs [S, L] are rows of others [M, L]."""
    equal = archs[:, None, :] == others[None, :, :]
    return jnp.any(jnp.all(equal, axis=-1), axis=-1)
