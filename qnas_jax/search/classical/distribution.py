"""A distribution over archs that moves towards its best samples.

An independent categorical distribution p_l of each layer, from which P archs are drawn,
and which moves towards the frequencies f of the ops among the best of them:

    p <- (1 - a) p + a f

`cross_entropy` and `pbil` differ in how many are the best and in what follows the step.
"""

from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.search.base import Strategy
from qnas_jax.search.observation import observe, uniform_ops


@flax.struct.dataclass
class Distribution:
    """The distribution, and where its random moves come from."""

    table: Array  # [L, K_max] probabilities
    generation: Array  # [] int32
    seed: Array  # [] uint32


MoveFn = Callable[[Array, Array], Array]
"""`move(key, table) -> table`: what happens after the step towards the best."""


def towards(table: Array, target: Array, step: Array | float) -> Array:
    """The convex combination (1 - step) table + step target, all [L, K_max]."""
    return table + step * (target - table)


def elite_frequencies(
    archs: Array, scores: Array, *, elites: int, most: int
) -> tuple[Array, Array]:
    """How often the best archs have each op.

    Args:
      archs: int32 [P, L].
      scores: float32 [P], -inf for failures, which are no elites.
      elites: how many archs count at most.
      most: K_max.

    Returns:
      (frequencies [L, K_max], bool [] whether there is any elite).
    """
    best = jnp.argsort(-scores)[:elites]
    good = jnp.isfinite(scores[best])
    weights = good / jnp.maximum(jnp.sum(good), 1)
    counted = jax.nn.one_hot(archs[best], most) * weights[:, None, None]
    return jnp.sum(counted, axis=0), good[0]


def distribution_search(
    num_ops: tuple[int, ...],
    population: int,
    *,
    elites: int,
    step: float,
    move: MoveFn,
) -> Strategy:
    """Makes a strategy on such a distribution.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      elites: how many archs are the best.
      step: a.
      move: what follows the step.

    Returns:
      The strategy; its state is a `Distribution`.
    """
    uniform = uniform_ops(num_ops)

    def init(key: Array) -> Distribution:
        return Distribution(jnp.asarray(uniform), jnp.int32(0), jax.random.bits(key))

    def ask(key: Array, state: Distribution) -> Array:
        return observe(key, jnp.tile(state.table[None], (population, 1, 1)))

    def learn(state: Distribution, archs: Array, scores: Array) -> Distribution:
        frequencies, found = elite_frequencies(
            archs, scores, elites=elites, most=uniform.shape[1]
        )
        key = jax.random.fold_in(jax.random.key(state.seed), state.generation)
        moved = move(key, towards(state.table, frequencies, step))
        return Distribution(
            table=jnp.where(found, moved, state.table),
            generation=state.generation + 1,
            seed=state.seed,
        )

    def probabilities(state: Distribution) -> Array:
        return state.table

    return Strategy(num_ops, population, init, ask, learn, probabilities)
