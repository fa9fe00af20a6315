"""An inverted residual in use as data: see `kernels/inverted_residual.py`."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

Gate = Callable[[jax.Array], jax.Array]
"""Means of the channels, float32 [N, H] -> factors [N, H]."""


class Clip(NamedTuple):
    """An activation: values below and above the bounds become the bounds.

    Attributes:
      low: float32 [], -inf for none.
      high: float32 [], +inf for none.
    """

    low: jax.Array
    high: jax.Array

    def __call__(self, values: jax.Array) -> jax.Array:
        """Clips values [...], in their precision."""
        return jnp.clip(
            values, self.low.astype(values.dtype), self.high.astype(values.dtype)
        )


class FoldedBlock(NamedTuple):
    """A block in use, its normalisations within its products; H hidden channels.

    Attributes:
      expand: [C_in, H], or None: the input is the hidden values.
      expand_offset: [H], or None likewise.
      expand_clip: after the first product.
      depthwise: [k, k, H]; fewer taps are the centre.
      depthwise_offset: [H].
      depthwise_clip: after the second.
      project: [H, C_out].
      project_offset: [C_out].
      width: int32 scalar, hidden channels of the op; arrays are zero in the others.
      taps: int32 scalar, taps in one direction.
    """

    expand: jax.Array | None
    expand_offset: jax.Array | None
    expand_clip: Clip
    depthwise: jax.Array
    depthwise_offset: jax.Array
    depthwise_clip: Clip
    project: jax.Array
    project_offset: jax.Array
    width: jax.Array
    taps: jax.Array
