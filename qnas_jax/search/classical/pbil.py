"""Population-based incremental learning: a distribution that moves towards the best.

The step a towards the best arch of a generation is small (`distribution`); then each
layer, with a small probability, moves by another small step towards a random op.

Source: Baluja, Population-based incremental learning, CMU-CS-94-163 (1994), figure 2.
Differs from the paper in: K ops a layer instead of bits, and random ops where the paper
has random bits.
"""

import dataclasses
import functools

import jax
from jax import Array

from qnas_jax.optimise.walks.levels_walks import random_levels
from qnas_jax.options import Options, option
from qnas_jax.search.base import Strategy
from qnas_jax.search.classical.distribution import distribution_search, towards
from qnas_jax.search.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class PbilOptions(Options):
    """How far the distribution moves."""

    step: float = option(0.1, "step a towards the best arch", above=0.0, high=1.0)
    mutation: float = option(
        0.02, "chance of a layer to move randomly", low=0.0, high=1.0
    )
    mutation_step: float = option(0.05, "step of that random move", low=0.0, high=1.0)


def pbil(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: PbilOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: nothing depends on it.
      options: see `PbilOptions`.

    Returns:
      The strategy; its state is a `Distribution`.
    """
    del generations
    mutate = functools.partial(
        mutate_table,
        num_ops=num_ops,
        chance=options.mutation,
        step=options.mutation_step,
    )
    return distribution_search(
        num_ops, population, elites=1, step=options.step, move=mutate
    )


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


SPEC = StrategySpec(
    "pbil",
    "Baluja 1994",
    "a distribution a layer moves towards the best arch, with mutation",
    "the classical twin of Q-bit registers: an ablation of amplitudes",
    PbilOptions,
    pbil,
)
