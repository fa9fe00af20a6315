"""Ranks of the scores in a history, kept up to date evaluation by evaluation.

Ranking M scores anew takes M^2 comparisons or a sort; one more score changes the counts
of the others by one, which takes M.
"""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.stats import norm

from qnas_jax.searching.history import History, scored


@flax.struct.dataclass
class Ranks:
    """For each row of a history, how many finite scores of it are smaller or equal."""

    below: Array  # [M] int32
    equal: Array  # [M] int32, the row itself included


def no_ranks(capacity: int) -> Ranks:
    """The ranks of an empty history of so many rows."""
    nothing = jnp.zeros(capacity, jnp.int32)
    return Ranks(nothing, nothing)


def rank_scores(ranks: Ranks, history: History, scores: Array) -> Ranks:
    """The ranks after `record(history, archs, scores)`.

    Args:
      ranks: those of the history.
      history: M rows, before it is recorded.
      scores: float32 [P], finite or -inf.

    Returns:
      The ranks of the new history.
    """
    capacity = len(history.scores)

    def add(carry: tuple[Ranks, Array], new: tuple[Array, Array]) -> tuple[Any, None]:
        (ranks, values), (row, score) = carry, new
        before, values = values[row], values.at[row].set(score)
        more = jnp.isfinite(score).astype(jnp.int32)
        less = jnp.isfinite(before).astype(jnp.int32)
        below = ranks.below + more * (score < values) - less * (before < values)
        equal = ranks.equal + more * (score == values) - less * (before == values)
        known = jnp.isfinite(values)
        below = below.at[row].set(jnp.sum(known & (values < score)))
        equal = equal.at[row].set(jnp.sum(known & (values == score)))
        return (Ranks(below, equal), values), None

    rows = (history.count + jnp.arange(len(scores))) % capacity
    return jax.lax.scan(add, (ranks, history.scores), (rows, scores))[0][0]


def normal_scores(ranks: Ranks, history: History) -> Array:
    """Normal scores of the ranks: the quantiles of (rank - 1/2) / n, as Hazen.

    Args:
      ranks: those of the history.
      history: M rows, n of them with a finite score.

    Returns:
      float32 [M], what `surrogate.transform_scores` gives; zero where not known.
    """
    known = scored(history)
    return _normal_quantiles(ranks.below, ranks.equal, known, jnp.sum(known))


def normal_scores_among(values: Array, others: Array) -> Array:
    """The normal scores that values have among others.

    Args:
      values: float32 [Q].
      others: float32 [N], of which those that are finite count.

    Returns:
      float32 [Q], as `normal_scores` where a value is one of the others; half a rank
      beyond the ends for values beyond them, zero where not finite.
    """
    known = jnp.isfinite(others)[None]
    below = jnp.sum(known & (others[None] < values[:, None]), axis=1)
    equal = jnp.sum(known & (others[None] == values[:, None]), axis=1)
    count = jnp.sum(known)
    inside = jnp.clip(below + 0.5 * equal, 0.5, count - 0.5)
    return _normal_quantiles(inside, 0.0, jnp.isfinite(values), count)


def _normal_quantiles(
    below: Array, equal: Array | float, known: Array, count: Array
) -> Array:
    shares = (below + 0.5 * equal) / jnp.maximum(count, 1)
    return norm.ppf(jnp.where(known, shares, 0.5)).astype(jnp.float32)
