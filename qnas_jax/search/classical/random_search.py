"""Uniform random search, the baseline that every strategy has to beat.

Source: Li & Talwalkar, Random search and reproducibility for NAS, UAI 2019.
"""

import jax.numpy as jnp
from jax import Array

from qnas_jax.search.base import Strategy
from qnas_jax.search.observation import observe, uniform_ops
from qnas_jax.search.spec import NoOptions, StrategySpec


def random_search(num_ops: tuple[int, ...], *, population: int) -> Strategy:
    """Makes the strategy; it learns nothing and its state is the empty tuple.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.

    Returns:
      The strategy.
    """
    uniform = uniform_ops(num_ops)

    def init(key: Array) -> tuple[()]:
        del key
        return ()

    def ask(key: Array, state: tuple[()]) -> Array:
        del state
        return observe(key, jnp.tile(jnp.asarray(uniform)[None], (population, 1, 1)))

    def learn(state: tuple[()], archs: Array, scores: Array) -> tuple[()]:
        del archs, scores
        return state

    def probabilities(state: tuple[()]) -> Array:
        del state
        return jnp.asarray(uniform)

    return Strategy(num_ops, population, init, ask, learn, probabilities)


def _make(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: NoOptions,
) -> Strategy:
    del generations, options
    return random_search(num_ops, population=population)


SPEC = StrategySpec(
    "random",
    "Li & Talwalkar 2019",
    "uniform random archs",
    "the baseline that every other one has to beat",
    NoOptions,
    _make,
)
