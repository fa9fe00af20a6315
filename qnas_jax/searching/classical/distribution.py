"""A distribution over archs that moves towards its best samples.

An independent categorical distribution p_l of each layer, from which P archs are drawn,
and which moves towards the frequencies f of the ops among the best of them:

    p <- (1 - a) p + a f

`cross_entropy` and `pbil` differ in how many are the best and in what follows the step.
"""

import abc

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Number, Strategy
from qnas_jax.searching.observation import observe, uniform_ops


@flax.struct.dataclass
class Distribution:
    """The distribution, and where its random moves come from."""

    table: Array  # [L, K_max] probabilities
    generation: Array  # [] int32
    seed: Array  # [] uint32


class DistributionSearch(Strategy):
    """Moves the distribution towards the best; its state is a `Distribution`."""

    elites: int = flax.struct.field(pytree_node=False)  # how many archs are the best
    step: Number  # a

    @abc.abstractmethod
    def move(self, key: Array, table: Array) -> Array:
        """What follows the step: [L, K_max] from [L, K_max]; the key is consumed."""

    def init(self, key: Array) -> Distribution:
        """The uniform distribution."""
        uniform = jnp.asarray(uniform_ops(self.num_ops))
        return Distribution(uniform, jnp.int32(0), jax.random.bits(key))

    def ask(self, key: Array, state: Distribution) -> Array:
        """Draws archs int32 [P, L] from the distribution."""
        return observe(key, jnp.tile(state.table[None], (self.population, 1, 1)))

    def learn(self, state: Distribution, archs: Array, scores: Array) -> Distribution:
        """One step from archs [P, L] and scores [P], and what follows it."""
        frequencies, found = elite_frequencies(
            archs, scores, elites=self.elites, most=state.table.shape[1]
        )
        key = jax.random.fold_in(jax.random.key(state.seed), state.generation)
        moved = self.move(key, towards(state.table, frequencies, self.step))
        return Distribution(
            table=jnp.where(found, moved, state.table),
            generation=state.generation + 1,
            seed=state.seed,
        )

    def probabilities(self, state: Distribution) -> Array:
        """The distribution, [L, K_max]."""
        return state.table


def towards(table: Array, target: Array, step: Number) -> Array:
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
