"""Pursuit: a search follows one guide until it brings nothing better, then forgets it.

The guide is the best arch of the pursuit. A pursuit begins with evaluations that follow
no guide and ends when a number of evaluations in a row did not improve on it. What was
learnt from the evaluations is kept elsewhere and outlives the pursuit.

Sources: guide: Han & Kim, IEEE Trans. Evol. Comput. 6 (2002); restarts of a search by
neighbours: White, Nolen & Savani, UAI 2021.
"""

import flax.struct
import jax.numpy as jnp
from jax import Array


@flax.struct.dataclass
class Pursuit:
    """The guide, and how long it has been one."""

    guide: Array  # [L] int32, the best arch of this pursuit
    guide_score: Array  # [] float32, -inf while there is none
    start: Array  # [] int32, evaluations before this pursuit
    improved: Array  # [] int32, evaluations when the guide became the guide


def first_pursuit(num_layers: int) -> Pursuit:
    """Before anything was evaluated."""
    return Pursuit(
        guide=jnp.zeros(num_layers, jnp.int32),
        guide_score=jnp.float32(-jnp.inf),
        start=jnp.int32(0),
        improved=jnp.int32(0),
    )


def is_guided(pursuit: Pursuit, count: Array, *, initial: int) -> Array:
    """Whether the guide is followed.

    Args:
      pursuit: the present one.
      count: [] int32, evaluations so far.
      initial: evaluations at the start of a pursuit that follow no guide.

    Returns:
      [] bool; without a guide as long as all evaluations failed.
    """
    ready = count - pursuit.start >= initial
    return ready & (pursuit.guide_score > -jnp.inf)


def after_evaluations(
    pursuit: Pursuit, archs: Array, scores: Array, count: Array, *, patience: int
) -> Pursuit:
    """The pursuit after one more generation, or the next one.

    Args:
      pursuit: before the generation.
      archs: int32 [P, L], as evaluated.
      scores: float32 [P], finite or -inf.
      count: [] int32, evaluations so far, these included.
      patience: evaluations without improvement until the guide is forgotten.

    Returns:
      The pursuit; of equal scores the earlier guide stays.
    """
    winner = jnp.argmax(scores)
    better = scores[winner] > pursuit.guide_score
    improved = jnp.where(better, count, pursuit.improved)
    over = count - jnp.maximum(improved, pursuit.start) >= patience
    guide_score = jnp.where(better, scores[winner], pursuit.guide_score)
    return Pursuit(
        guide=jnp.where(better, archs[winner], pursuit.guide),
        guide_score=jnp.where(over, -jnp.inf, guide_score),
        start=jnp.where(over, count, pursuit.start),
        improved=improved,
    )
