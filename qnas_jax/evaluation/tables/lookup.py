"""Look-ups as evaluators: pure functions that run under jit, vmap and scan.

They are pytrees of their arrays, so that a program that takes one as its argument
serves all tables of one shape.
"""

from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.spaces import SearchSpace

FidelityEvaluator = Callable[[Array, Array, Array], tuple[Array, Array]]
"""`evaluate(key, archs [P, L], fidelities [P]) -> (archs, scores [P])`."""


@flax.struct.dataclass(eq=False)
class FixedLookup:
    """An evaluator without chance; it does not use its key.

    Attributes:
      scores: float32 [F, N], by fidelity and arch.
      space: what archs are of.
    """

    scores: Array | np.ndarray
    space: SearchSpace = flax.struct.field(pytree_node=False)

    def __call__(
        self, key: Array, archs: Array, fidelities: Array
    ) -> tuple[Array, Array]:
        """Scores of archs [P, L] at fidelities [P]."""
        del key
        place = index_of(self.space, archs)
        return archs, jnp.asarray(self.scores)[fidelities, place]


@flax.struct.dataclass(eq=False)
class DrawnLookup:
    """An evaluator that draws one of an arch's training runs at each evaluation.

    Attributes:
      runs: float32 [F, N, R], by fidelity, arch and run, those that exist in front.
      counts: int32 [F, N], the number of runs that exist.
      space: what archs are of.
    """

    runs: Array | np.ndarray
    counts: Array | np.ndarray
    space: SearchSpace = flax.struct.field(pytree_node=False)

    def __call__(
        self, key: Array, archs: Array, fidelities: Array
    ) -> tuple[Array, Array]:
        """Scores of archs [P, L] at fidelities [P]."""
        place = index_of(self.space, archs)
        limit = jnp.maximum(jnp.asarray(self.counts)[fidelities, place], 1)
        run = jax.random.randint(key, place.shape, 0, limit)
        return archs, jnp.asarray(self.runs)[fidelities, place, run]


@flax.struct.dataclass(eq=False)
class AtFidelity:
    """An evaluator at one fidelity, as most searches want it.

    Attributes:
      evaluate: the evaluator of all fidelities.
      fidelity: the place of the one.
    """

    evaluate: FidelityEvaluator
    fidelity: int = flax.struct.field(pytree_node=False)

    def __call__(self, key: Array, archs: Array) -> tuple[Array, Array]:
        """Scores of archs [P, L]."""
        places = jnp.full(archs.shape[:-1], self.fidelity, jnp.int32)
        return self.evaluate(key, archs, places)
