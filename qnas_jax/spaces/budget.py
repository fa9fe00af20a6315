"""What an architecture may cost: limits on its costs, and who keeps them.

Additive costs make the cheapest architecture, and the largest within the limits, small
integer programs: one op a layer, a linear inequality a limit. They are solved exactly
(`scipy.optimize.milp`), so a budget that nothing fits is known before any search.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option
from qnas_jax.spaces.costs import CostTable


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
        shares = [
            (table / limit, self.costs.fixed[name] / limit)
            for name, table, limit in self._limited()
        ]
        arch = _cheapest(shares, self.costs.num_ops)
        object.__setattr__(self, "cheapest", arch)
        if not self.within(arch[None])[0]:
            least = {
                name: self.costs.cost(_smallest(table, self.num_ops)[None])[name][0]
                for name, table, _ in self._limited()
            }
            raise UserError(infeasible(self.limits, least))

    @property
    def num_ops(self) -> tuple[int, ...]:
        """(K_1, ..., K_L)."""
        return self.costs.num_ops

    def within(self, archs: Any) -> np.ndarray:
        """Whether architectures int [P, L] keep all limits, bool [P]."""
        found = self.costs.cost(archs)
        return np.all([found[name] <= most for name, most in self.limits.items()], 0)

    def largest(self, name: str = "params") -> np.ndarray:
        """The architecture int32 [L] that costs most of those within the limits."""
        limits = [
            (table, limit - self.costs.fixed[other])
            for other, table, limit in self._limited()
        ]
        arch = _most_costly(self.costs.by_op[name], limits, self.num_ops)
        # The solver's tolerance may let through what is a little too large.
        return arch if self.within(arch[None])[0] else self.cheapest

    def _limited(self) -> list[tuple[str, np.ndarray, float]]:
        return [
            (name, np.asarray(self.costs.by_op[name], float), limit)
            for name, limit in self.limits.items()
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
            least = {name: np.nanmin(self.columns[name]) for name in self.limits}
            raise UserError(infeasible(self.limits, least))

    def within(self, archs: Any) -> np.ndarray:
        """Whether architectures int [P, L] keep all limits, bool [P]."""
        places = np.ravel_multi_index(tuple(np.asarray(archs).T), self.num_ops)
        columns = self.columns
        return np.all([columns[n][places] <= m for n, m in self.limits.items()], 0)


def infeasible(limits: Mapping[str, float], least: Mapping[str, float]) -> str:
    """The line that says what no architecture keeps.

    Args:
      limits: by name of the cost.
      least: the smallest value of each alone.

    Returns:
      For example `max_params: got 10, expected at least 1234: no architecture ...`.
    """
    short = {name: most for name, most in limits.items() if least[name] > most}
    if short:
        name, most = next(iter(short.items()))
        return (
            f"max_{name}: got {_plain(most)}, expected at least {_plain(least[name])}: "
            "no architecture of the space costs less"
        )
    asked = ", ".join(f"max_{name}={_plain(most)}" for name, most in limits.items())
    alone = ", ".join(f"{name} {_plain(value)}" for name, value in least.items())
    return (
        f"max_{next(iter(limits))}: got {asked}, expected larger values: no "
        f"architecture keeps all of them (the least, each by itself: {alone})"
    )


def _plain(value: float) -> str:
    """Whole numbers with all their digits, as they are typed."""
    return str(int(value)) if float(value).is_integer() else f"{value:.6g}"


def _smallest(table: np.ndarray, num_ops: tuple[int, ...]) -> np.ndarray:
    real = np.arange(table.shape[1]) < np.asarray(num_ops)[:, None]
    return np.where(real, table, np.inf).argmin(axis=1).astype(np.int32)


def _cheapest(
    shares: list[tuple[np.ndarray, float]], num_ops: tuple[int, ...]
) -> np.ndarray:
    """Minimises the largest share of a limit that is used."""
    if len(shares) == 1:
        return _smallest(shares[0][0], num_ops)
    real, one_op = _one_op_a_layer(num_ops)
    # Variables: an indicator for each op of each layer, and the largest share.
    rows = [np.append(table[real], -1.0) for table, _ in shares]
    bounds = [-fixed for _, fixed in shares]
    objective = np.append(np.zeros(real.sum()), 1.0)
    chosen = _solve(objective, one_op, rows, bounds, real)
    return _smallest(shares[0][0], num_ops) if chosen is None else chosen


def _most_costly(
    table: np.ndarray, limits: list[tuple[np.ndarray, float]], num_ops: tuple[int, ...]
) -> np.ndarray:
    real, one_op = _one_op_a_layer(num_ops)
    scale = max(float(table.max()), 1.0)
    rows = [np.append(costs[real] / most, 0.0) for costs, most in limits]
    objective = np.append(-table[real] / scale, 0.0)
    chosen = _solve(objective, one_op, rows, [1.0] * len(limits), real)
    return np.zeros(len(num_ops), np.int32) if chosen is None else chosen


def _one_op_a_layer(num_ops: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Which places of [L, K_max] are ops, and the equations of one op a layer."""
    real = np.arange(max(num_ops)) < np.asarray(num_ops)[:, None]
    layer_of = np.repeat(np.arange(len(num_ops)), num_ops)
    one_op = (layer_of == np.arange(len(num_ops))[:, None]).astype(float)
    return real, np.pad(one_op, ((0, 0), (0, 1)))


def _solve(
    objective: np.ndarray,
    one_op: np.ndarray,
    rows: list[np.ndarray],
    bounds: list[float],
    real: np.ndarray,
) -> np.ndarray | None:
    """Ops int32 [L] of the smallest objective with `rows @ x <= bounds`, or None."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    count = int(real.sum())
    upper = np.append(np.ones(count), np.inf)
    found = milp(
        objective,
        integrality=np.append(np.ones(count), 0),
        bounds=Bounds(np.append(np.zeros(count), -np.inf), upper),
        constraints=[
            LinearConstraint(one_op, 1, 1),
            LinearConstraint(np.stack(rows), -np.inf, bounds),
        ],
    )
    if found.x is None:
        return None
    chosen = np.zeros(real.shape)
    chosen[real] = found.x[:count]
    return chosen.argmax(axis=1).astype(np.int32)
