"""Looks at every assignment; also at any plain table of costs."""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.optimiser import Demands, optimiser
from qnas_jax.optimise.problems.problem import Problem, levels_at
from qnas_jax.optimise.result import LARGEST_COUNT, Result
from qnas_jax.options import Options, option
from qnas_jax.quantum.inputs import as_real


@dataclasses.dataclass(frozen=True)
class EnumerationOptions(Options):
    """What is kept of the list of all costs."""

    keep: int = option(
        1, "lowest assignments that become the samples", low=1, high=LARGEST_COUNT
    )


_DEFAULTS = EnumerationOptions()


@optimiser(Demands("exhaustive", lambda *_: 16, compares_only=True))
def exhaustive(
    problem: Problem, key: Array, *, options: EnumerationOptions = _DEFAULTS
) -> Result:
    """Finds the lowest of all N costs.

    Args:
      problem: over registers whose assignments can be written out.
      key: not used; all optimisers take one.
      options: see `EnumerationOptions`.

    Returns:
      The optimum; `samples` are the lowest assignments, cheapest first, ties in the
      order of the table.

    Raises:
      UserError: too many assignments to be written out.
    """
    del key
    costs = problem.table()
    indices, lowest = lowest_costs(costs, min(options.keep, costs.shape[0]))
    samples = levels_at(indices, problem.num_levels)
    return Result(
        levels=samples[0],
        cost=lowest[0],
        samples=samples,
        sample_costs=lowest,
        trace=lowest[:1],
        evaluations=costs.shape[0],
    )


def lowest_costs(costs: Array, keep: int) -> tuple[Array, Array]:
    """The lowest entries of any table of costs.

    Args:
      costs: [N] real numbers, plus infinity among them; N need not be a power of two.
      keep: how many, 1 <= keep <= N.

    Returns:
      Their indices int32 [keep] and costs [keep], lowest first; among equal costs the
      smaller index comes first.

    Raises:
      UserError: not one axis, or more wanted than there are.
    """
    costs = as_real("costs", costs)
    if costs.ndim != 1 or not 1 <= keep <= costs.shape[0]:
        raise UserError(
            f"got costs {costs.shape} and keep={keep}, expected [N] and 1 <= keep <= N"
        )
    if keep == 1:
        indices = jnp.argmin(costs)[None].astype(jnp.int32)
    else:
        indices = jax.lax.top_k(-costs, keep)[1]
    return indices, costs[indices]
