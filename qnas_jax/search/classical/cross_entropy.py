"""Cross-entropy method and PBIL: a distribution that moves towards its best samples.

Both keep an independent categorical distribution p_l of each layer, draw P archs from
it, and move it towards the frequencies f of the ops among the best of them:

    p <- (1 - a) p + a f

    cross_entropy   f over the elites, the best share of the P archs; large a
    pbil            f of the best arch alone; small a; then each layer, with a small
                    probability, moves by another small step towards a random op

Sources: De Boer, Kroese, Mannor & Rubinstein, A tutorial on the cross-entropy method,
Annals of Operations Research 134 (2005), algorithm 4.1 with smoothing (remark 3.3);
Baluja, Population-based incremental learning, CMU-CS-94-163 (1994), figure 2.
Differs from the papers in: `cross_entropy` mixes a little of the uniform distribution
into each step, so that no op dies; `pbil` has K ops a layer instead of bits, and random
ops where the paper has random bits.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.walks.levels_walks import random_levels
from qnas_jax.options import Options, option
from qnas_jax.search.base import Strategy
from qnas_jax.search.observation import observe, uniform_ops


@dataclasses.dataclass(frozen=True)
class CrossEntropyOptions(Options):
    """How far the distributions of `cross_entropy` and `pbil` move, and to what."""

    elite_share: float = option(
        0.2, "share of the population that are elites", above=0.0, high=1.0
    )
    smoothing: float = option(
        0.5, "step a of cross_entropy towards its elites", above=0.0, high=1.0
    )
    uniform_share: float = option(
        0.05, "share of the uniform distribution in cross_entropy's", low=0.0, high=1.0
    )
    pbil_step: float = option(
        0.1, "step a of pbil towards the best arch", above=0.0, high=1.0
    )
    pbil_mutation: float = option(
        0.02, "chance of a layer of pbil to move randomly", low=0.0, high=1.0
    )
    pbil_mutation_step: float = option(
        0.05, "step of that random move", low=0.0, high=1.0
    )


@flax.struct.dataclass
class Distribution:
    """The distribution, and where its random moves come from."""

    table: Array  # [L, K_max] probabilities
    generation: Array  # [] int32
    seed: Array  # [] uint32


MoveFn = Callable[[Array, Array], Array]
"""`move(key, table) -> table`: what happens after the step towards the best."""


def cross_entropy(
    num_ops: tuple[int, ...], *, population: int, options: CrossEntropyOptions
) -> Strategy:
    """Makes the cross-entropy method.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, large enough for some elites.
      options: see `CrossEntropyOptions`.

    Returns:
      The strategy; its state is a `Distribution`.
    """

    def keep_alive(key: Array, table: Array) -> Array:
        del key
        return towards(table, jnp.asarray(uniform_ops(num_ops)), options.uniform_share)

    return _distribution_search(
        num_ops,
        population,
        elites=math.ceil(options.elite_share * population),
        step=options.smoothing,
        move=keep_alive,
    )


def pbil(
    num_ops: tuple[int, ...], *, population: int, options: CrossEntropyOptions
) -> Strategy:
    """Makes population-based incremental learning.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      options: see `CrossEntropyOptions`.

    Returns:
      The strategy; its state is a `Distribution`.
    """
    mutate = functools.partial(
        mutate_table,
        num_ops=num_ops,
        chance=options.pbil_mutation,
        step=options.pbil_mutation_step,
    )
    return _distribution_search(
        num_ops, population, elites=1, step=options.pbil_step, move=mutate
    )


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


def mutate_table(
    key: Array, table: Array, *, num_ops: tuple[int, ...], chance: float, step: float
) -> Array:
    """Moves random layers of a distribution a step towards a random op.

    Args:
      key: consumed.
      table: [L, K_max] probabilities.
      num_ops: (K_1, ..., K_L).
      chance: of each layer to move.
      step: in [0, 1].

    Returns:
      [L, K_max].
    """
    which_key, op_key = jax.random.split(key)
    which = jax.random.bernoulli(which_key, chance, (len(num_ops), 1))
    target = jax.nn.one_hot(random_levels(op_key, num_ops), table.shape[1])
    return towards(table, target, step * which)


def _distribution_search(
    num_ops: tuple[int, ...],
    population: int,
    *,
    elites: int,
    step: float,
    move: MoveFn,
) -> Strategy:
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
