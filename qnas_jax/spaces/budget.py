"""What an architecture may cost: limits on its costs, and who keeps them.

Additive costs make the cheapest architecture, and the largest within the limits, small
integer programs (`one_op_a_layer.py`), so a budget that nothing fits is known before
any search, and which larger one would do.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option
from qnas_jax.spaces.costs import CostTable
from qnas_jax.spaces.infeasible import infeasible
from qnas_jax.spaces.one_op_a_layer import cheapest_within, least_share


@dataclasses.dataclass(frozen=True)
class ConstraintOptions(Options):
    """What the network that is searched for may cost; 0: as much as it likes."""

    max_params: int = option(0, "trainable parameters; 0: any number", low=0)
    max_macs: int = option(
        0, "multiply-accumulates for one input; 0: any number", low=0
    )

    max_latency_ms: float = option(
        0.0, "milliseconds for one input on `device`; 0: any time", low=0.0
    )
    device: str = option(
        "",
        "whose latency is meant: a device of a table, or a file of latencies of the "
        "space's ops; empty: what --stage=latency measured in this work folder",
    )

    def limits(self) -> dict[str, float]:
        """The largest allowed value of each cost that is limited, by its name."""
        named = {
            "params": self.max_params,
            "macs": self.max_macs,
            "latency_ms": self.max_latency_ms,
        }
        return {name: limit for name, limit in named.items() if limit}


class Budget(Protocol):
    """Limits on the costs of a space's architectures, at least one of which fits."""

    @property
    def limits(self) -> Mapping[str, float]:
        """The largest allowed value of each limited cost, by name."""

    @property
    def cheapest(self) -> np.ndarray:
        """An architecture int32 [L] that keeps all limits by as much as possible."""

    @property
    def num_ops(self) -> tuple[int, ...]:
        """(K_1, ..., K_L)."""

    def within(self, archs: Any) -> np.ndarray:
        """Whether architectures int [P, L] keep all limits, bool [P]."""


@dataclasses.dataclass(frozen=True, eq=False)
class AdditiveBudget:
    """Limits on columns of a cost table.

    Attributes:
      costs: of the space.
      limits: by name of the column.
      cheapest: int32 [L], found when the budget is made.

    Raises:
      UserError: no architecture keeps the limits.
    """

    costs: CostTable
    limits: Mapping[str, float]
    cheapest: np.ndarray = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        arch = self._cheapest()
        if arch is None:
            raise UserError(infeasible(self.limits, self._least))
        object.__setattr__(self, "cheapest", arch)

    @property
    def num_ops(self) -> tuple[int, ...]:
        """(K_1, ..., K_L)."""
        return self.costs.num_ops

    def within(self, archs: Any) -> np.ndarray:
        """Whether architectures int [P, L] keep all limits, bool [P]."""
        return _keep(self.costs.cost(archs), self.limits)

    def largest(self, name: str = "params") -> np.ndarray:
        """The architecture int32 [L] that costs most of those within the limits."""
        worth = -np.asarray(self.costs.by_op[name], float)
        arch = cheapest_within(worth, self._shares(self.limits), self.num_ops)
        # The solver's tolerance may let through what is a little too large.
        if arch is None or not self.within(arch[None])[0]:
            return self.cheapest
        return arch

    def _cheapest(self) -> np.ndarray | None:
        """What keeps all limits, by as much as possible; None if nothing does."""
        arch = least_share(self._shares(self.limits), self.num_ops)
        if self.within(arch[None])[0]:
            return arch
        # At limits that are just met, a share may be met within a tolerance only.
        for name in self.limits:
            others = {key: most for key, most in self.limits.items() if key != name}
            found = self._smallest(name, others)
            if found is not None and self.within(found[None])[0]:
                return found
        return None

    def _smallest(self, name: str, kept: Mapping[str, float]) -> np.ndarray | None:
        """The architecture int32 [L] of the smallest cost that keeps other limits."""
        table = np.asarray(self.costs.by_op[name], float)
        for tolerance in (0.0, 2e-6):  # the solver's own is 1e-6
            within = {other: most * (1 - tolerance) for other, most in kept.items()}
            arch = cheapest_within(table, self._shares(within), self.num_ops)
            if arch is not None and _keep(self.costs.cost(arch[None]), kept).all():
                return arch
        return None

    def _least(self, name: str, kept: Mapping[str, float]) -> float | None:
        arch = self._smallest(name, kept)
        return None if arch is None else float(self.costs.cost(arch[None])[name][0])

    def _shares(self, limits: Mapping[str, float]) -> list[tuple[np.ndarray, float]]:
        """Costs of ops, and of what is not searched, in units of their limits."""
        return [
            (np.asarray(self.costs.by_op[name]) / most, self.costs.fixed[name] / most)
            for name, most in limits.items()
        ]


@dataclasses.dataclass(frozen=True, eq=False)
class ListedBudget:
    """Limits on costs that are listed for every architecture of a space.

    Attributes:
      columns: by name float [N], in the order of the architectures counted in mixed
        radix, layer 0 the most significant digit; NaN where a cost is not known, which
        keeps no limit.
      num_ops: (K_1, ..., K_L); N is their product.
      limits: by name of the column.
      cheapest: int32 [L], found when the budget is made.

    Raises:
      UserError: no architecture keeps the limits.
    """

    columns: Mapping[str, np.ndarray]
    num_ops: tuple[int, ...]
    limits: Mapping[str, float]
    cheapest: np.ndarray = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        shares = [self.columns[name] / most for name, most in self.limits.items()]
        worst = np.where(np.isnan(shares), np.inf, shares).max(axis=0)
        place = int(worst.argmin())
        arch = np.asarray(np.unravel_index(place, self.num_ops), np.int32)
        object.__setattr__(self, "cheapest", arch)
        if not self.within(arch[None])[0]:
            raise UserError(infeasible(self.limits, self._least))

    def within(self, archs: Any) -> np.ndarray:
        """Whether architectures int [P, L] keep all limits, bool [P]."""
        places = np.ravel_multi_index(tuple(np.asarray(archs).T), self.num_ops)
        columns = self.columns
        return _keep({name: columns[name][places] for name in self.limits}, self.limits)

    def _least(self, name: str, kept: Mapping[str, float]) -> float | None:
        """The smallest known cost of those that keep other limits."""
        fits = _keep(self.columns, {name: np.inf, **kept})
        return float(np.min(self.columns[name][fits])) if fits.any() else None


def _keep(costs: Mapping[str, np.ndarray], limits: Mapping[str, float]) -> np.ndarray:
    """Which costs [P] by name keep their limits, bool [P]; unknown ones keep none."""
    return np.all([costs[name] <= most for name, most in limits.items()], axis=0)
