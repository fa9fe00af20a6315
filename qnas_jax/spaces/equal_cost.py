"""Architectures at random among those that cost as much as a given one.

What a search is worth is what it adds to a random pick *of the same cost*: in many
spaces a larger network is a better one, so a search that merely finds large ones beats
random picks without having understood anything.

Uniform draws of the whole space, of which those within the tolerance are kept, are
uniform draws of the band. Where a fixed number of draws finds too few, the nearest of
them walk towards the cost by changes of single layers, as long as each helps.
"""

from collections.abc import Callable

import numpy as np

from qnas_jax.spaces.costs import CostTable

TOLERANCE = 0.1
"""Share of the cost by which one of equal cost may differ."""

_DRAWS = 1_000  # at once
_ROUNDS = 10  # of draws, at most
_STEPS = 200  # of a walk; each changes one layer


def archs_of_equal_cost(
    costs: CostTable,
    arch: np.ndarray,
    count: int,
    rng: np.random.Generator,
    *,
    cost: str = "macs",
    tolerance: float = TOLERANCE,
    allowed: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Draws distinct architectures that cost about as much as another.

    Args:
      costs: of the space.
      arch: int [L]; never drawn itself.
      count: how many are wanted.
      rng: consumed.
      cost: column of the table.
      tolerance: share of the cost that a pick may be off.
      allowed: archs int32 [P, L] -> bool [P], which of them count; None: all.

    Returns:
      int32 [count, L], those within the tolerance first, in random order, then the
      nearest that were found, nearest first; fewer rows where the space has no more.
    """
    arch = np.asarray(arch, np.int32)
    target = costs.cost(arch[None])[cost][0]
    drawn = np.zeros((0, len(arch)), np.int32)
    for _ in range(_ROUNDS):
        more = rng.integers(0, costs.num_ops, (_DRAWS, len(arch)), dtype=np.int32)
        drawn = _distinct(np.concatenate([drawn, _kept(more, allowed)]), arch)
        within = _distance(costs, drawn, cost, target) <= tolerance * target
        if within.sum() >= count:
            return drawn[within][:count]
    picks, others = drawn[within], drawn[~within]
    nearest = np.argsort(_distance(costs, others, cost, target), kind="stable")
    others = others[nearest[: 4 * count]]
    ends = [_walk(costs, each, cost, target, tolerance) for each in others]
    walked = _kept(np.asarray(ends, np.int32).reshape(-1, len(arch)), allowed)
    found = _distinct(np.asarray([*picks, *walked, *others], np.int32), arch)
    distance = _distance(costs, found, cost, target)
    order = np.argsort(
        np.where(distance <= tolerance * target, 0, distance), kind="stable"
    )
    return found[order[:count]]


def _kept(
    archs: np.ndarray, allowed: Callable[[np.ndarray], np.ndarray] | None
) -> np.ndarray:
    return archs if allowed is None else archs[allowed(archs)]


def _distinct(archs: np.ndarray, without: np.ndarray) -> np.ndarray:
    """The different rows in order of appearance, without one of them."""
    archs = archs.reshape(-1, len(without))
    _, first = np.unique(archs, axis=0, return_index=True)
    rows = archs[np.sort(first)]
    return rows[(rows != without).any(axis=1)]


def _distance(
    costs: CostTable, archs: np.ndarray, cost: str, target: float
) -> np.ndarray:
    """How far each is from the cost, float [P]."""
    return np.abs(costs.cost(archs)[cost] - float(target))


def _walk(
    costs: CostTable, arch: np.ndarray, cost: str, target: float, tolerance: float
) -> np.ndarray:
    """Changes the layer that brings the cost nearest, until none does."""
    arch = arch.copy()
    table = costs.by_op[cost]
    layers = np.arange(len(arch))
    real = np.arange(table.shape[1]) < np.asarray(costs.num_ops)[:, None]
    for _ in range(_STEPS):
        present = float(costs.cost(arch[None])[cost][0])
        if abs(present - target) <= tolerance * target:
            break
        changed = present + table - table[layers, arch][:, None]
        off = np.where(real, np.abs(changed - target), np.inf)
        layer, op = np.unravel_index(off.argmin(), off.shape)
        if off[layer, op] >= abs(present - target):
            break
        arch[layer] = op
    return arch
