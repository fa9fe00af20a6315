"""Costs that are known of an arch before it is evaluated.

Parameters, multiply-accumulates and milliseconds of a table follow from the arch alone,
where an accuracy takes a training. So a strategy for several objectives need not learn
them, and can look at the costs of as many archs as it likes for the price of one score.

Source: objectives that are cheap are looked at more often: Elsken, Metzen & Hutter,
ICLR 2019 (LEMONADE).
"""

import abc
from collections.abc import Sequence

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.spaces import CostTable
from qnas_jax.value import Value


class KnownCosts(Value, abc.ABC):
    """All objectives but the first, as functions of the arch."""

    @abc.abstractmethod
    def __call__(self, archs: Array) -> Array:
        """The negatives of the costs of archs int32 [C, L]: float32 [C, M - 1]."""


class AdditiveCosts(KnownCosts):
    """Sums over the layers.

    Attributes:
      by_op: float32 [M - 1, L, K_max].
      fixed: float32 [M - 1], of what is not searched.
    """

    by_op: Array | np.ndarray
    fixed: Array | np.ndarray

    @classmethod
    def of(cls, costs: CostTable, names: Sequence[str]) -> "AdditiveCosts":
        """Some columns of a table, by their names, in the order of the objectives."""
        by_op = np.stack([costs.by_op[name] for name in names])
        fixed = np.array([costs.fixed[name] for name in names])
        return cls(by_op.astype(np.float32), fixed.astype(np.float32))

    def __call__(self, archs: Array) -> Array:
        """As `KnownCosts.__call__`: archs int32 [C, L] to float32 [C, M - 1]."""
        layers = jnp.arange(archs.shape[1])
        sums = jnp.asarray(self.by_op)[:, layers, archs].sum(axis=-1)
        return -(sums.T + jnp.asarray(self.fixed)[None])


class ListedCosts(KnownCosts):
    """Costs that are listed for every arch of a space.

    Attributes:
      columns: float32 [M - 1, N], counted in mixed radix, layer 0 the most significant
        digit.
      num_ops: (K_1, ..., K_L); N is their product.
    """

    columns: Array | np.ndarray
    num_ops: tuple[int, ...] = flax.struct.field(pytree_node=False)

    def __call__(self, archs: Array) -> Array:
        """As `KnownCosts.__call__`: archs int32 [C, L] to float32 [C, M - 1]."""
        place = archs[:, 0]
        for layer in range(1, len(self.num_ops)):
            place = place * self.num_ops[layer] + archs[:, layer]
        return -jnp.asarray(self.columns)[:, place].T
