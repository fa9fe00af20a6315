"""Several objectives of a table: a look-up that answers with points.

Objectives are maximised: the validation value as searches score it, and the negatives
of costs.
"""

from collections.abc import Sequence

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.evaluation.tables.table import Table
from qnas_jax.spaces import SearchSpace

SCORE = "accuracy"
"""The name of the validation value among objectives."""


class ObjectiveLookup(flax.struct.PyTreeNode, eq=False):
    """An evaluator of several objectives, as loops call one; it is JAX.

    Attributes:
      columns: float32 [M, N], by arch; NaN where there is no value.
      space: what archs are of.
    """

    columns: Array | np.ndarray
    space: SearchSpace = flax.struct.field(pytree_node=False)

    def __call__(self, key: Array, archs: Array) -> tuple[Array, Array]:
        """Points float32 [P, M] of archs int32 [P, L]; the key is not used."""
        del key
        place = index_of(self.space, jnp.asarray(archs))
        return archs, jnp.asarray(self.columns)[:, place].T


def table_objectives(table: Table, names: Sequence[str]) -> np.ndarray:
    """The objectives of all archs.

    Args:
      table: the benchmark.
      names: `accuracy`, or costs of the table.

    Returns:
      float64 [N, M], maximised.

    Raises:
      UserError: a name that the table does not have.
    """
    columns = []
    for name in names:
        if name != SCORE and name not in table.costs:
            known = ", ".join([SCORE, *table.costs])
            raise UserError(f"objectives: got {name!r}, expected some of {known}")
        found = table.scores() if name == SCORE else -table.costs[name]
        columns.append(np.asarray(found, np.float64))
    return np.stack(columns, axis=1)


def objective_lookup(table: Table, names: Sequence[str]) -> ObjectiveLookup:
    """The evaluator of some objectives.

    Args:
      table: the benchmark.
      names: see `table_objectives`.

    Returns:
      The evaluator.

    Raises:
      UserError: a name that the table does not have.
    """
    columns = table_objectives(table, names).T.astype(np.float32)
    return ObjectiveLookup(columns, table.space)
