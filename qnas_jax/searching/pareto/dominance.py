"""Who dominates whom: fronts, and how crowded they are.

Objectives are maximised; a cost enters as its negative. One point dominates another if
it is at least as good in every objective and better in one. Points of failed
evaluations (any objective not finite) dominate nothing and are on no front.

Source: Deb, Pratap, Agarwal & Meyarivan, IEEE Trans. Evol. Comput. 6 (2002), sections
III.A (ranks) and III.B (crowding distance).
Differs from the paper in: ranks are found by passes over the matrix of dominance, in
which every point is ranked one behind the last of those that dominate it: shapes are
fixed, and a pass is one reduction.
"""

import jax
import jax.numpy as jnp
from jax import Array


def sanitise_objectives(objectives: Array) -> Array:
    """Objectives in float32, where a failed point is -inf in all of them.

    Args:
      objectives: [..., M].

    Returns:
      float32 [..., M]; rows are finite, or -inf throughout.
    """
    objectives = jnp.asarray(objectives, jnp.float32)
    known = jnp.isfinite(objectives).all(axis=-1, keepdims=True)
    return jnp.where(known, objectives, -jnp.inf)


def evaluated(objectives: Array) -> Array:
    """Which points are not failed ones: bool [...] of [..., M]."""
    return jnp.isfinite(objectives).all(axis=-1)


def dominance(first: Array, second: Array) -> Array:
    """Which points of one set dominate which of another.

    Args:
      first: [N, M].
      second: [K, M].

    Returns:
      bool [N, K]; a point that is not failed dominates all that are.
    """
    first, second = first[:, None], second[None]
    lives = evaluated(first)
    better = (first >= second).all(axis=-1) & (first > second).any(axis=-1)
    return lives & (better | ~evaluated(second))


def on_front(objectives: Array) -> Array:
    """Which points nothing dominates: bool [N] of [N, M]; failed ones never are."""
    dominated = dominance(objectives, objectives).any(axis=0)
    return evaluated(objectives) & ~dominated


def front_ranks(objectives: Array) -> Array:
    """The front that each point is on.

    Args:
      objectives: [N, M].

    Returns:
      int32 [N]: 0 for those that nothing dominates, 1 for those that only such
      dominate, and so on; N for failed points.
    """
    count = len(objectives)
    above = dominance(objectives, objectives)

    def rank_again(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        ranks, _ = carry
        behind = jnp.max(jnp.where(above, ranks[:, None] + 1, 0), axis=0)
        return behind, jnp.any(behind != ranks)

    first = jnp.zeros(count, jnp.int32), jnp.bool_(True)
    ranks, _ = jax.lax.while_loop(lambda carry: carry[1], rank_again, first)
    return jnp.where(evaluated(objectives), ranks, count)


def crowding_distances(objectives: Array, ranks: Array) -> Array:
    """How far the neighbours of each point on its own front are apart.

    Args:
      objectives: [N, M].
      ranks: int32 [N], of `front_ranks`.

    Returns:
      float32 [N]: the sum over objectives of the distance between the next smaller and
      the next larger value on the front, in units of the front's range; inf at the ends
      of a front, 0 for failed points.
    """

    def of_one(values: Array) -> Array:
        order = jnp.lexsort((values, ranks))
        sorted_values, sorted_ranks = values[order], ranks[order]
        same = sorted_ranks[1:] == sorted_ranks[:-1]
        gap = jnp.where(same, sorted_values[1:] - sorted_values[:-1], jnp.inf)
        end = jnp.full(1, jnp.inf)
        around = jnp.concatenate([end, gap]) + jnp.concatenate([gap, end])
        highest = jax.ops.segment_max(values, ranks, len(values) + 1)
        lowest = jax.ops.segment_min(values, ranks, len(values) + 1)
        spread = (highest - lowest)[sorted_ranks]
        share = jnp.where(jnp.isinf(around), jnp.inf, around / spread)
        # A front of one value has no inside.
        share = jnp.where((spread > 0) | jnp.isinf(around), share, 0.0)
        return jnp.zeros_like(values).at[order].set(share)

    ranks, known = jnp.asarray(ranks), evaluated(objectives)
    values = jnp.where(known[:, None], objectives, 0.0)
    total = jax.vmap(of_one, in_axes=1)(values).sum(axis=0)
    return jnp.where(known, total, 0.0)
