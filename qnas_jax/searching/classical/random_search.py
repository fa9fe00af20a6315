"""Uniform random search, the baseline that every strategy has to beat.

Source: Li & Talwalkar, Random search and reproducibility for NAS, UAI 2019.
"""

import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Strategy
from qnas_jax.searching.observation import observe, uniform_ops
from qnas_jax.searching.spec import NoOptions, StrategySpec


class RandomSearch(Strategy):
    """Draws archs uniformly; its state is the empty tuple."""

    def init(self, key: Array) -> tuple[()]:
        """Nothing."""
        del key
        return ()

    def ask(self, key: Array, state: tuple[()]) -> Array:
        """Uniform archs int32 [P, L]."""
        del state
        uniform = jnp.asarray(uniform_ops(self.num_ops))
        return observe(key, jnp.tile(uniform[None], (self.population, 1, 1)))

    def learn(self, state: tuple[()], archs: Array, scores: Array) -> tuple[()]:
        """Nothing is learnt from archs [P, L] and scores [P]."""
        del archs, scores
        return state

    def probabilities(self, state: tuple[()]) -> Array:
        """Uniform, [L, K_max]."""
        del state
        return jnp.asarray(uniform_ops(self.num_ops))


def random_search(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: NoOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: nothing depends on it.
      options: none.

    Returns:
      The strategy.
    """
    del generations, options
    return RandomSearch(num_ops, population)


SPEC = StrategySpec(
    "random",
    "Li & Talwalkar 2019",
    "uniform random archs",
    "the baseline that every other one has to beat",
    NoOptions,
    random_search,
)
