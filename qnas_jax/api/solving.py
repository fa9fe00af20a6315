"""Costs of your own, minimised by quantum and classical optimisers."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from qnas_jax.api.names import chosen, options_by_name
from qnas_jax.optimise import (
    OPTIMISERS,
    Diagonal,
    OptimiserSpec,
    Problem,
    Result,
    qubo,
)


def minimise(
    problem: Problem | Any,
    *,
    optimiser: str = "simulated_annealing",
    key: int | jax.Array = 0,
    options: Mapping[str, Any] | None = None,
) -> Result:
    """Minimises a cost over bits or registers.

    >>> import qnas_jax as qnas
    >>> found = qnas.minimise([[-1, 2, 0], [0, -1, 2], [0, 0, -1]])  # a QUBO
    >>> found.levels.tolist(), float(found.cost)
    ([1, 0, 1], -2.0)

    Args:
      problem: a square matrix Q, whose cost is x' Q x over bits x; a vector of the
        costs of all 2^n bit strings; or a problem of `qnas_jax.optimise`.
      optimiser: a name of `available("optimisers")`.
      key: a seed, or a key of JAX.
      options: of the optimiser, by name; see `options_of`.

    Returns:
      The best assignment (`levels`), its `cost`, the `trace` of the costs, and how
      many `evaluations` it took.

    Raises:
      UserError: no such optimiser or option, or a problem that it cannot solve.
    """
    spec: OptimiserSpec = chosen("optimiser", optimiser, OPTIMISERS)
    record = options_by_name(spec.options, options or {}, optimiser)
    root = jax.random.key(key) if isinstance(key, int) else key
    return spec(_as_problem(problem), root, record)


def _as_problem(problem: Any) -> Problem:
    if hasattr(problem, "num_levels"):
        found: Problem = problem
        return found
    numbers = np.asarray(problem)
    return Diagonal(numbers) if numbers.ndim == 1 else qubo(numbers)
