"""Architectures that cost too much become ones that keep the budget.

Feasibility comes first: what a strategy proposes is repaired before it is evaluated, so
every evaluation, and with it the best, keeps the budget, whatever the strategy. Layers
are gone through in random order; each that can lower the excess takes one of its ops
that do, at random, until nothing is in excess. If a whole round was not enough, layers
in random order take the ops of the cheapest architecture, which fits. So a repair ends
after 2 L steps, and an architecture that fits stays as it is. A flip that costs too
much thus becomes a swap with another layer.

Source: repair operators as in Michalewicz, Genetic Algorithms + Data Structures =
Evolution Programs, 1996, chapter 7 (knapsack problems, random repair).
"""

import abc
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.observation import own_ops
from qnas_jax.spaces import AdditiveBudget, Budget, ListedBudget
from qnas_jax.value import Value

_REPAIR_STREAM = 1
_LARGEST = 2**31 - 1


class Repair(Value, abc.ABC):
    """From proposed architectures to ones that keep a budget; runs under jit and vmap.

    Attributes:
      cheapest: int32 [L], keeps the budget.
      num_ops: (K_1, ..., K_L).
    """

    cheapest: Array | np.ndarray
    num_ops: tuple[int, ...] = flax.struct.field(pytree_node=False)

    @abc.abstractmethod
    def excess(self, archs: Array) -> Array:
        """By what share of the limits architectures int32 [..., L] cost too much.

        Returns:
          float32 [...], the sum over the limits; 0 exactly where all are kept.
        """

    def __call__(self, key: Array, archs: Array | np.ndarray) -> Array:
        """Repairs architectures int32 [P, L]; the key is consumed."""
        return _repaired(self, key, jnp.asarray(archs))

    def _one(self, key: Array, arch: Array) -> Array:
        lower_key, order_key, end_key = jax.random.split(key, 3)
        num_layers, most = len(self.num_ops), max(self.num_ops)
        own = jnp.asarray(own_ops(self.num_ops))

        def lower(arch: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
            layer, key = step
            choices = jnp.tile(arch, (most, 1)).at[:, layer].set(jnp.arange(most))
            before = self.excess(arch)
            helps = own[layer] & (self.excess(choices) < before)
            op = jax.random.categorical(key, jnp.where(helps, 0.0, -jnp.inf))
            changes = (before > 0) & jnp.any(helps)
            return arch.at[layer].set(jnp.where(changes, op, arch[layer])), None

        def towards_cheapest(arch: Array, layer: Array) -> tuple[Array, None]:
            op = jnp.where(self.excess(arch) > 0, self.cheapest[layer], arch[layer])
            return arch.at[layer].set(op), None

        order = jax.random.permutation(order_key, num_layers)
        keys = jax.random.split(lower_key, num_layers)
        arch, _ = jax.lax.scan(lower, arch, (order, keys))
        order = jax.random.permutation(end_key, num_layers)
        return jax.lax.scan(towards_cheapest, arch, order)[0]


@jax.jit
def _repaired(repair: Repair, key: Array, archs: Array) -> Array:
    keys = jax.random.split(key, len(archs))
    return jax.vmap(repair._one)(keys, archs)


class AdditiveRepair(Repair):
    """Costs are sums over the layers, counted in whole units.

    Attributes:
      by_op: int32 [C, L, K_max].
      limits: int32 [C], without what is not searched.
    """

    by_op: Array | np.ndarray
    limits: Array | np.ndarray

    def excess(self, archs: Array) -> Array:
        """As `Repair.excess`, int32 [..., L] to float32 [...], of sums of costs."""
        layers = jnp.arange(len(self.num_ops))
        used = jnp.asarray(self.by_op)[:, layers, archs].sum(axis=-1)
        limits = jnp.asarray(self.limits).reshape(-1, *[1] * (archs.ndim - 1))
        over = jnp.maximum(used - limits, 0).astype(jnp.float32)
        return jnp.sum(over / jnp.maximum(limits, 1).astype(jnp.float32), axis=0)


class ListedRepair(Repair):
    """The excess is listed for every architecture.

    Attributes:
      listed: float32 [N].
    """

    listed: Array | np.ndarray

    def excess(self, archs: Array) -> Array:
        """As `Repair.excess`, int32 [..., L] to float32 [...], from the list."""
        place = archs[..., 0]
        for layer in range(1, len(self.num_ops)):
            place = place * self.num_ops[layer] + archs[..., layer]
        return jnp.asarray(self.listed)[place]


def make_repair(budget: Budget) -> Repair:
    """Makes the repair of a budget.

    Args:
      budget: of additive or of listed costs.

    Returns:
      The repair; what it yields is `within` the budget.
    """
    if isinstance(budget, AdditiveBudget):
        rows = [_in_units(budget, name, limit) for name, limit in budget.limits.items()]
        tables, limits = zip(*rows, strict=True)
        by_op, most = np.stack(tables), np.asarray(limits, np.int32)
        return AdditiveRepair(budget.cheapest, budget.num_ops, by_op, most)
    assert isinstance(budget, ListedBudget)
    excess = np.zeros(len(next(iter(budget.columns.values()))))
    for name, limit in budget.limits.items():
        over = np.maximum(budget.columns[name] / limit - 1, 0)
        # What is hardly too much must not round to nothing; what is not known is far.
        over = np.where(budget.columns[name] > limit, np.maximum(over, 1e-6), over)
        excess += np.where(np.isnan(over), 1e6, over)
    return ListedRepair(budget.cheapest, budget.num_ops, excess.astype(np.float32))


def _in_units(
    budget: AdditiveBudget, name: str, limit: float
) -> tuple[np.ndarray, int]:
    """A column and its limit in whole units whose sums are int32.

    Whole numbers stay exact where they fit; else costs are rounded up, and the limit
    down. An op that is too costly by itself costs a unit more than the limit.
    """
    table = np.asarray(budget.costs.by_op[name], float)
    most = limit - budget.costs.fixed[name]
    largest = _LARGEST // (len(budget.num_ops) + 2)
    whole = np.all(table == np.round(table)) and most == round(most)
    scale = 1.0 if whole and most <= largest else largest / max(most, 1e-30)
    most = np.floor(most * scale)
    return np.minimum(np.ceil(table * scale), most + 1).astype(np.int32), int(most)


class Constrained(Value):
    """An evaluator that repairs what it is asked for; see `loop.EvaluateFn`."""

    evaluate: Any
    repair: Repair

    def __call__(self, key: Array, archs: Array, *fidelities: Array) -> Any:
        """Repairs, evaluates, and hands back what was evaluated."""
        repaired = self.repair(repair_key(key), archs)
        return self.evaluate(key, repaired, *fidelities)


def repair_key(key: Array) -> Array:
    """The key [] of a generation's repair, from that of its evaluation."""
    return jax.random.fold_in(key, _REPAIR_STREAM)
