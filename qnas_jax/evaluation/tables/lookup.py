"""Look-ups as evaluators: pure functions that run under jit, vmap and scan."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.spaces import SearchSpace

FidelityEvaluator = Callable[[Array, Array, Array], tuple[Array, Array]]
"""`evaluate(key, archs [P, L], fidelities [P]) -> (archs, scores [P])`."""


def fixed_lookup(space: SearchSpace, scores: np.ndarray) -> FidelityEvaluator:
    """An evaluator without chance.

    Args:
      space: what archs are of.
      scores: float32 [F, N], by fidelity and arch.

    Returns:
      The evaluator; it does not use its key.
    """

    def evaluate(key: Array, archs: Array, fidelities: Array) -> tuple[Array, Array]:
        del key
        return archs, jnp.asarray(scores)[fidelities, index_of(space, archs)]

    return evaluate


def drawn_lookup(
    space: SearchSpace, runs: np.ndarray, counts: np.ndarray
) -> FidelityEvaluator:
    """An evaluator that draws one of an arch's training runs at each evaluation.

    Args:
      space: what archs are of.
      runs: float32 [F, N, R], by fidelity, arch and run, those that exist in front.
      counts: int [F, N], the number of runs that exist.

    Returns:
      The evaluator.
    """
    limits = np.maximum(counts, 1).astype(np.int32)

    def evaluate(key: Array, archs: Array, fidelities: Array) -> tuple[Array, Array]:
        place = index_of(space, archs)
        limit = jnp.asarray(limits)[fidelities, place]
        run = jax.random.randint(key, place.shape, 0, limit)
        return archs, jnp.asarray(runs)[fidelities, place, run]

    return evaluate


def at_fidelity(
    evaluate: FidelityEvaluator, fidelity: int
) -> Callable[[Array, Array], tuple[Array, Array]]:
    """The evaluator at one fidelity, as most searches want it."""

    def evaluate_there(key: Array, archs: Array) -> tuple[Array, Array]:
        places = jnp.full(archs.shape[:-1], fidelity, jnp.int32)
        return evaluate(key, archs, places)

    return evaluate_there
