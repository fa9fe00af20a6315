"""Drop-path: leaves out a branch of a network for some images while it trains."""

from collections.abc import Iterator
from typing import Protocol

import jax

from qnas_jax.devices import draw_share
from qnas_jax.errors import UserError


class Walked(Protocol):
    """A network block by block."""

    def walk(
        self, images: jax.Array, drop_path: float, key: jax.Array | None
    ) -> Iterator[tuple[str, jax.Array]]:
        """Yields each block in words, and what comes out of it, [N, ...].

        Args:
          images: float [N, H, W, C].
          drop_path: the largest probability that a branch is left out.
          key: needed if drop_path > 0; consumed.
        """


def logits_of_walk(
    network: Walked, images: jax.Array, drop_path: float, key: jax.Array | None
) -> jax.Array:
    """What comes out of the last block.

    Args:
      network: the network.
      images: float [N, H, W, C].
      drop_path: the largest probability that a branch is left out.
      key: needed if drop_path > 0; consumed.

    Returns:
      float [N, num_classes].

    Raises:
      UserError: drop_path > 0 without a key.
    """
    if drop_path > 0 and key is None:
        raise UserError(f"drop_path: got {drop_path} without a key")
    values = images
    for _, outputs in network.walk(images, drop_path, key):
        values = outputs
    return values


def drop_branch(key: jax.Array, rate: float, branch: jax.Array) -> jax.Array:
    """Leaves out a branch for some images, scales it for the others.

    Source: Huang et al., Deep networks with stochastic depth, ECCV 2016.

    Args:
      key: consumed.
      rate: probability to be left out, in [0, 1).
      branch: [N, ...], what the branch adds.

    Returns:
      The same shape; its mean over keys is the branch.
    """
    ones = [1] * (branch.ndim - 1)

    def draw(count: int) -> jax.Array:
        return jax.random.bernoulli(key, 1.0 - rate, (count, *ones))

    keep = draw_share(draw, len(branch))
    return branch * keep / (1.0 - rate)
