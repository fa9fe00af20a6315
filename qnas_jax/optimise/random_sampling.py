"""Uniform random assignments: what every other optimiser has to beat."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.exhaustive import lowest_costs
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem, random_levels
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class RandomSamplingOptions(Options):
    """How many assignments are looked at."""

    draws: int = option(
        4096, "assignments drawn, with repeats", low=1, high=LARGEST_COUNT
    )
    keep: int = option(
        16, "lowest of them that become the samples", low=1, high=LARGEST_COUNT
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep > self.draws:
            raise UserError(f"keep: got {self.keep}, expected at most draws")


_DEFAULTS = RandomSamplingOptions()


@optimiser(Demands("random_sampling", compares_only=True))
def random_sampling(
    problem: Problem, key: Array, *, options: RandomSamplingOptions = _DEFAULTS
) -> Result:
    """Draws assignments uniformly, each for itself, and keeps the lowest.

    Args:
      problem: over registers of any number of levels.
      key: consumed.
      options: see `RandomSamplingOptions`.

    Returns:
      The lowest that was drawn; `trace` is the best so far, draw by draw.
    """
    keys = jax.random.split(key, options.draws)
    draw = jax.vmap(lambda key: random_levels(key, problem.num_levels))
    drawn = draw(keys).astype(jnp.int32)
    costs = problem.cost(drawn)
    places, lowest = lowest_costs(costs, options.keep)
    samples = drawn[places]
    return Result(
        levels=samples[0],
        cost=lowest[0],
        samples=samples,
        sample_costs=lowest,
        trace=jax.lax.cummin(costs),
        evaluations=options.draws,
    )
