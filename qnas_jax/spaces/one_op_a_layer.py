"""Small integer programs: one op for each layer, linear costs, linear limits.

They are solved exactly by `scipy.optimize.milp`, but for what its tolerance lets
through: a limit may be missed by a millionth of it, so whoever needs it kept looks.

A share below is a table [L, K_max] of what each op takes of a limit, and what is taken
of it anyway; a limit is kept where the sum is at most 1.
"""

from collections.abc import Sequence

import numpy as np

Share = tuple[np.ndarray, float]

_LARGEST = 1e6  # of an objective, whose optimum is known to a millionth


def cheapest_within(
    table: np.ndarray, shares: Sequence[Share], num_ops: tuple[int, ...]
) -> np.ndarray | None:
    """The architecture of the smallest sum that keeps limits.

    Args:
      table: float [L, K_max], what is summed; of either sign.
      shares: of the limits; none: any architecture will do.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [L]; None if nothing keeps them.
    """
    if not shares:
        return _cheapest(table, num_ops)
    real, one_op = _one_op_a_layer(num_ops)
    scale = _LARGEST / (float(np.abs(table).max()) or 1.0)
    rows = [np.append(share[real], 0.0) for share, _ in shares]
    bounds = [1 - fixed for _, fixed in shares]
    return _solve(np.append(scale * table[real], 0.0), one_op, rows, bounds, real)


def least_share(shares: Sequence[Share], num_ops: tuple[int, ...]) -> np.ndarray:
    """The architecture whose largest share of a limit is smallest.

    Args:
      shares: of the limits, at least one.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [L].
    """
    first = _cheapest(shares[0][0], num_ops)
    if len(shares) == 1:
        return first
    real, one_op = _one_op_a_layer(num_ops)
    # Variables: an indicator for each op of each layer, and the largest share.
    rows = [np.append(share[real], -1.0) for share, _ in shares]
    bounds = [-fixed for _, fixed in shares]
    objective = np.append(np.zeros(real.sum()), 1.0)
    chosen = _solve(objective, one_op, rows, bounds, real)
    return first if chosen is None else chosen


def _cheapest(table: np.ndarray, num_ops: tuple[int, ...]) -> np.ndarray:
    real = np.arange(table.shape[1]) < np.asarray(num_ops)[:, None]
    return np.where(real, table, np.inf).argmin(axis=1).astype(np.int32)


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
        options={"mip_rel_gap": 0.0},  # by itself it ends at 1e-4
    )
    if found.x is None:
        return None
    chosen = np.zeros(real.shape)
    chosen[real] = found.x[:count]
    return chosen.argmax(axis=1).astype(np.int32)
