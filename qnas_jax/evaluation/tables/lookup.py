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
"""The metric of a table: the validation value, in the unit of the benchmark."""

ORDER = "validation_order"
"""What is improved where float32 does not tell the values apart (`order.py`)."""

Columns = Array | np.ndarray


class _Lookup(Compiled, flax.struct.PyTreeNode, eq=False):
    """What all look-ups have.

    Attributes:
      columns: `METRIC`, and `ORDER` where it is needed, each float32 by fidelity, arch
        and whatever else a look-up says; NaN where there is no value.
      seconds: float32 [F, N], time of an evaluation by fidelity and arch, or None.
      space: what archs are of.
      fidelities: names, the cheapest first.
      larger_is_better: the direction of the values.
    """

    columns: dict[str, Columns]
    seconds: Columns | None
    space: SearchSpace = flax.struct.field(pytree_node=False)
    fidelities: tuple[str, ...] = flax.struct.field(pytree_node=False)
    larger_is_better: bool = flax.struct.field(pytree_node=False)

    @property
    def score(self) -> ScoreOf:
        """The validation value."""
        metric = ORDER if ORDER in self.columns else METRIC
        return ScoreOf(metric, self.larger_is_better)

    def __call__(self, key: Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Values of archs [P, L] at fidelities [P]; None: the highest."""
        place = index_of(self.space, jnp.asarray(archs))
        if fidelities is None:
            fidelities = jnp.full(place.shape, len(self.fidelities) - 1, jnp.int32)
        cell = self._cell(key, fidelities, place)
        metrics = {
            name: jnp.asarray(column)[cell] for name, column in self.columns.items()
        }
        costs = {}
        if self.seconds is not None:
            costs["seconds"] = jnp.asarray(self.seconds)[fidelities, place]
        return Evaluated(metrics, finite_status(metrics), costs)

    def _cell(self, key: Array, fidelities: Any, place: Array) -> tuple[Any, ...]:
        """Where in the columns the evaluations [P] are."""
        raise NotImplementedError


class FixedLookup(_Lookup, eq=False):
    """An evaluator without chance, columns [F, N]; it does not use its key."""

    def _cell(self, key: Array, fidelities: Any, place: Array) -> tuple[Any, ...]:
        del key
        return fidelities, place


class DrawnLookup(_Lookup, eq=False):
    """An evaluator that draws one of an arch's training runs at each evaluation.

    Attributes:
      columns: [F, N, R], the runs that exist in front.
      counts: int32 [F, N], the number of runs that exist.
    """

    counts: Columns

    def _cell(self, key: Array, fidelities: Any, place: Array) -> tuple[Any, ...]:
        limit = jnp.maximum(jnp.asarray(self.counts)[fidelities, place], 1)
        return fidelities, place, jax.random.randint(key, place.shape, 0, limit)
