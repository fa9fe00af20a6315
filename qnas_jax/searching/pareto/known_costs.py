"""Costs that are known of an arch before it is evaluated.

Parameters, multiply-accumulates and milliseconds of a table follow from the arch alone,
where an accuracy takes a training. So a strategy for several objectives need not learn
them, and can look at the costs of as many archs as it likes for the price of one score.
Whoever knows the costs of all archs also knows their range, which does not depend on
where a search has looked so far.

Source: objectives that are cheap are looked at more often: Elsken, Metzen & Hutter,
ICLR 2019 (LEMONADE).
"""

import abc
from collections.abc import Sequence

import flax.struct
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.observation import own_ops
from qnas_jax.spaces import CostTable
from qnas_jax.value import Value


class KnownCosts(Value, abc.ABC):
    """All objectives but the first, as functions of the arch.

    Attributes:
      most: float32 [M - 1], of the arch that costs most.
      least: float32 [M - 1], of the arch that costs least.
    """

    most: Array | np.ndarray
    least: Array | np.ndarray

    @abc.abstractmethod
    def cost(self, archs: Array) -> Array:
        """Costs float32 [C, M - 1] of archs int32 [C, L]."""

    def cheapness(self, costs: Array) -> Array:
        """Where costs [C, M - 1] lie between the most, 0, and the least, 1."""
        most, least = jnp.asarray(self.most), jnp.asarray(self.least)
        spread = jnp.where(most > least, most - least, 1.0)
        return (most[None] - costs) / spread[None]


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
        by_op = np.stack([costs.by_op[name] for name in names]).astype(float)
        fixed = np.array([costs.fixed[name] for name in names], float)
        own = own_ops(costs.num_ops)[None]
        most = np.where(own, by_op, -np.inf).max(axis=-1).sum(axis=-1) + fixed
        least = np.where(own, by_op, np.inf).min(axis=-1).sum(axis=-1) + fixed
        return cls(_single(most), _single(least), _single(by_op), _single(fixed))

    def cost(self, archs: Array) -> Array:
        """As `KnownCosts.cost`: archs int32 [C, L] to float32 [C, M - 1]."""
        layers = jnp.arange(archs.shape[1])
        sums = jnp.asarray(self.by_op)[:, layers, archs].sum(axis=-1)
        return sums.T + jnp.asarray(self.fixed)[None]


class ListedCosts(KnownCosts):
    """Costs that are listed for every arch of a space.

    Attributes:
      columns: float32 [M - 1, N], counted in mixed radix, layer 0 the most significant
        digit.
      num_ops: (K_1, ..., K_L); N is their product.
    """

    columns: Array | np.ndarray
    num_ops: tuple[int, ...] = flax.struct.field(pytree_node=False)

    @classmethod
    def of(cls, columns: np.ndarray, num_ops: tuple[int, ...]) -> "ListedCosts":
        """Costs [M - 1, N]; what is not known (NaN) counts as the most that is."""
        most, least = np.nanmax(columns, axis=1), np.nanmin(columns, axis=1)
        known = np.where(np.isnan(columns), most[:, None], columns)
        return cls(_single(most), _single(least), _single(known), num_ops)

    def cost(self, archs: Array) -> Array:
        """As `KnownCosts.cost`: archs int32 [C, L] to float32 [C, M - 1]."""
        place = archs[:, 0]
        for layer in range(1, len(self.num_ops)):
            place = place * self.num_ops[layer] + archs[:, layer]
        return jnp.asarray(self.columns)[:, place].T


def _single(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)
