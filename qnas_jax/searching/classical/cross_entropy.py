"""The cross-entropy method: a distribution that moves towards its elites.

The elites are the best share of the P archs; the step a is large (`distribution`).

Source: De Boer, Kroese, Mannor & Rubinstein, A tutorial on the cross-entropy method,
Annals of Operations Research 134 (2005), algorithm 4.1 with smoothing (remark 3.3).
Differs from the paper in: a little of the uniform distribution is mixed into each step,
so that no op dies.
"""

import dataclasses
import math

import jax.numpy as jnp
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.classical.distribution import DistributionSearch, towards
from qnas_jax.searching.observation import uniform_ops
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class CrossEntropyOptions(Options):
    """How far the distribution moves, and to what."""

    elite_share: float = option(
        0.2, "share of the population that are elites", above=0.0, high=1.0
    )
    smoothing: float = option(0.5, "step a towards the elites", above=0.0, high=1.0)
    uniform_share: float = option(
        0.05, "share of the uniform distribution", low=0.0, high=1.0
    )


class CrossEntropy(DistributionSearch):
    """Mixes a little of the uniform distribution into each step."""

    uniform_share: Number

    def move(self, key: Array, table: Array) -> Array:
        """Keeps all ops of the table [L, K_max] alive."""
        del key
        uniform = jnp.asarray(uniform_ops(self.num_ops))
        return towards(table, uniform, self.uniform_share)


def cross_entropy(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: CrossEntropyOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, large enough for some elites.
      generations: nothing depends on it.
      options: see `CrossEntropyOptions`.

    Returns:
      The strategy.
    """
    del generations
    return CrossEntropy(
        num_ops,
        population,
        elites=math.ceil(options.elite_share * population),
        step=number(options.smoothing),
        uniform_share=number(options.uniform_share),
    )


SPEC = StrategySpec(
    "cross_entropy",
    "De Boer et al. 2005",
    "a distribution a layer moves towards the elites of the population",
    "layers that matter by themselves, large populations, noise",
    CrossEntropyOptions,
    cross_entropy,
    population=20,
)
