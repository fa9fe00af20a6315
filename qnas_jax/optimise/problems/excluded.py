"""Assignments that may not be the answer, as a list: those already evaluated, say.

They are rows of excluded [M, L]; a row of -1 excludes nothing, so that a list of fixed
length can fill up. Optimisers that only compare costs take the problem `without` them,
at infinite cost; of what others sampled, `keep_free` takes the best that is left.
`OptimiserSpec.__call__` does what suits the optimiser.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.problems.exact import exact_table
from qnas_jax.optimise.problems.problem import (
    Diagonal,
    Problem,
    check_levels,
    number_of,
)
from qnas_jax.optimise.result import Result
from qnas_jax.quantum.inputs import is_known


def without(problem: Problem, excluded: Array) -> Diagonal:
    """All costs, infinite for what is excluded.

    Args:
      problem: over registers whose assignments can be written out.
      excluded: integers [M, L].

    Returns:
      A problem over the same registers.

    Raises:
      UserError: rows of another length, or levels out of range.
    """
    _check_excluded(problem.num_levels, excluded)
    if is_known(excluded):
        rows = np.asarray(excluded)
        check_levels(rows[rows[:, 0] >= 0], problem.num_levels)
    numbers = number_of(jnp.asarray(excluded), problem.num_levels)
    if is_known((problem, excluded)):
        costs = exact_table(problem)
        costs[np.asarray(numbers)[np.asarray(excluded)[:, 0] >= 0]] = np.inf
        return Diagonal(costs, problem.num_levels)
    table = problem.table()
    numbers = jnp.where(jnp.asarray(excluded)[:, 0] < 0, len(table), numbers)
    masked = table.at[numbers].set(jnp.inf, mode="drop")
    return Diagonal(masked, problem.num_levels)


def keep_free(result: Result, excluded: Array) -> Result:
    """The same result with the best of those of its assignments that are not excluded.

    Args:
      result: of any optimiser.
      excluded: integers [M, L].

    Returns:
      The result; unchanged if all of its assignments are excluded.

    Raises:
      UserError: `excluded` has another shape.
    """
    _check_excluded((0,) * result.levels.shape[-1], excluded)
    # Known costs are in double precision.
    xp: Any = np if is_known((result, excluded)) else jnp
    levels = xp.concatenate([result.levels[None], result.samples])
    costs = xp.concatenate([xp.asarray(result.cost)[None], result.sample_costs])
    rows = xp.asarray(excluded)[None]
    free = ~xp.any(xp.all(levels[:, None] == rows, axis=-1), axis=-1)
    ranked = xp.where(free | ~xp.any(free), costs, xp.inf)
    first = xp.argmin(ranked)
    return result._replace(levels=jnp.asarray(levels[first]), cost=costs[first])


def _check_excluded(num_levels: tuple[int, ...], excluded: Array) -> None:
    shape = np.shape(excluded)
    if len(shape) != 2 or shape[1] != len(num_levels):
        raise UserError(
            f"excluded: got shape {shape}, expected [M, {len(num_levels)}], an "
            "assignment a row"
        )
