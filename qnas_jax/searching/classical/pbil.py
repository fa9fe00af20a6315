"""Population-based incremental learning: a distribution that moves towards the best.

The step a towards the best arch of a generation is small (`distribution`); then each
layer, with a small probability, moves by another small step towards a random op.

Source: Baluja, Population-based incremental learning, CMU-CS-94-163 (1994), figure 2.
Differs from the paper in: K ops a layer instead of bits, and random ops where the paper
has random bits.
"""

import dataclasses

import jax
from jax import Array

from qnas_jax.optimise.problems.problem import random_levels
from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.classical.distribution import DistributionSearch, towards
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class PbilOptions(Options):
    """How far the distribution moves."""

    step: float = option(0.1, "step a towards the best arch", above=0.0, high=1.0)
    mutation: float = option(
        0.02, "chance of a layer to move randomly", low=0.0, high=1.0
    )
    mutation_step: float = option(0.05, "step of that random move", low=0.0, high=1.0)


class Pbil(DistributionSearch):
    """Moves random layers another step towards random ops."""

    mutation: Number
    mutation_step: Number

    def move(self, key: Array, table: Array) -> Array:
        """Mutation of the table [L, K_max]; the key is consumed."""
        return mutate_table(
            key, table, self.num_ops, chance=self.mutation, step=self.mutation_step
        )


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
      The strategy.
    """
    del generations
    return Pbil(
        num_ops,
        population,
        elites=1,
        step=number(options.step),
        mutation=number(options.mutation),
        mutation_step=number(options.mutation_step),
    )


def mutate_table(
    key: Array,
    table: Array,
    num_ops: tuple[int, ...],
    *,
    chance: Number,
    step: Number,
) -> Array:
    """Moves random layers of a distribution a step towards a random op.

    Args:
      key: consumed.
      table: [L, K_max] probabilities.
      num_ops: (K_1, ..., K_L).
      chance: [] in [0, 1], of each layer to move.
      step: [] in [0, 1].

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
    population=5,
)
