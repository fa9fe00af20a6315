"""Assignments that may not be the answer, as a list: those already evaluated, say.

They are rows of excluded [M, L]; a row of -1 excludes nothing, so that a list of fixed
length can fill up. Optimisers that only compare costs take the problem `without` them,
at infinite cost; of what others sampled, `keep_free` takes the best that is left.
`OptimiserSpec.__call__` does what suits the optimiser.
"""

import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.problems.problem import Diagonal, Problem, number_of
from qnas_jax.optimise.result import Result


def without(problem: Problem, excluded: Array) -> Diagonal:
    """All costs, infinite for what is excluded.

    Args:
      problem: over registers whose assignments can be written out.
      excluded: integers [M, L].

    Returns:
      A problem over the same registers.
    """
    table = problem.table()
    numbers = number_of(excluded, problem.num_levels)
    numbers = jnp.where(excluded[:, 0] < 0, len(table), numbers)
    costs = table.at[numbers].set(jnp.inf, mode="drop")
    return Diagonal(costs, problem.num_levels)


def keep_free(result: Result, excluded: Array) -> Result:
    """The same result with the best of those of its assignments that are not excluded.

    Args:
      result: of any optimiser.
      excluded: integers [M, L].

    Returns:
      The result; unchanged if all of its assignments are excluded.
    """
    levels = jnp.concatenate([result.levels[None], result.samples])
    costs = jnp.concatenate([result.cost[None], result.sample_costs])
    free = ~jnp.any(jnp.all(levels[:, None] == excluded[None], axis=-1), axis=-1)
    ranked = jnp.where(free | ~jnp.any(free), costs, jnp.inf)
    first = jnp.argmin(ranked)
    return result._replace(levels=levels[first], cost=costs[first])
