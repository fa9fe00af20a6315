"""Drop-path: leaves out a branch of a network for some images while it trains."""

import jax

from qnas_jax.devices import draw_share


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
