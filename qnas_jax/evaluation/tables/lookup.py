"""Look-ups as evaluators: pure functions that run under jit, vmap and scan.

They are pytrees of their arrays, so that a program that takes one as its argument
serves all tables of one shape.
"""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.evaluation.evaluator import (
    Compiled,
    Evaluated,
    ScoreOf,
    finite_status,
)
from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.spaces import SearchSpace

METRIC = "validation"
"""The one metric of a table: the validation value, in the unit of the benchmark."""

Columns = Array | np.ndarray


class _Lookup(Compiled, flax.struct.PyTreeNode, eq=False):
    """What all look-ups have.

    Attributes:
      seconds: float32 [F, N], time of an evaluation by fidelity and arch, or None.
      space: what archs are of.
      fidelities: names, the cheapest first.
      larger_is_better: the direction of the values.
    """

    seconds: Columns | None
    space: SearchSpace = flax.struct.field(pytree_node=False)
    fidelities: tuple[str, ...] = flax.struct.field(pytree_node=False)
    larger_is_better: bool = flax.struct.field(pytree_node=False)

    @property
    def score(self) -> ScoreOf:
        """The validation value."""
        return ScoreOf(METRIC, self.larger_is_better)

    def __call__(self, key: Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Values of archs [P, L] at fidelities [P]; None: the highest."""
        place = index_of(self.space, jnp.asarray(archs))
        if fidelities is None:
            fidelities = jnp.full(place.shape, len(self.fidelities) - 1, jnp.int32)
        metrics = {METRIC: self._values(key, fidelities, place)}
        costs = {}
        if self.seconds is not None:
            costs["seconds"] = jnp.asarray(self.seconds)[fidelities, place]
        return Evaluated(metrics, finite_status(metrics), costs)

    def _values(self, key: Array, fidelities: Any, place: Array) -> Array:
        raise NotImplementedError


class FixedLookup(_Lookup, eq=False):
    """An evaluator without chance; it does not use its key.

    Attributes:
      values: float32 [F, N], by fidelity and arch; NaN where there is none.
    """

    values: Columns

    def _values(self, key: Array, fidelities: Any, place: Array) -> Array:
        del key
        return jnp.asarray(self.values)[fidelities, place]


class DrawnLookup(_Lookup, eq=False):
    """An evaluator that draws one of an arch's training runs at each evaluation.

    Attributes:
      runs: float32 [F, N, R], by fidelity, arch and run, those that exist in front.
      counts: int32 [F, N], the number of runs that exist.
    """

    runs: Columns
    counts: Columns

    def _values(self, key: Array, fidelities: Any, place: Array) -> Array:
        limit = jnp.maximum(jnp.asarray(self.counts)[fidelities, place], 1)
        run = jax.random.randint(key, place.shape, 0, limit)
        return jnp.asarray(self.runs)[fidelities, place, run]
