"""Constraints of a run as limits on the columns of a table."""

import numpy as np

from qnas_jax.evaluation.tables.table import Table
from qnas_jax.options import OptionError
from qnas_jax.spaces import ConstraintOptions, ListedBudget

_COLUMNS = {"params": ("params_million", 1e6), "macs": ("flops_million", 1e6)}
"""Columns of published tables, whose FLOPs are multiply-accumulates, and their unit."""

_LATENCY = "latency_ms/"


def table_budget(table: Table, constraints: ConstraintOptions) -> ListedBudget | None:
    """What architectures of a table may cost.

    Args:
      table: its columns `params_million`, `flops_million` and `latency_ms/<device>`, or
        `params`, `macs` and `latency_ms` of a table of the user's.
      constraints: the limits.

    Returns:
      The budget; None where nothing is limited.

    Raises:
      OptionError: the table lacks the column that a limit is about.
      UserError: no architecture keeps the limits.
    """
    limits = constraints.limits()
    if not limits:
        return None
    columns = {name: _column(table, name, constraints) for name in limits}
    return ListedBudget(columns, table.num_ops, limits)


def _column(table: Table, name: str, constraints: ConstraintOptions) -> np.ndarray:
    published, unit = _COLUMNS.get(name, (_LATENCY + constraints.device, 1.0))
    if published in table.costs:
        return table.costs[published] * unit
    if name in table.costs and not (name == "latency_ms" and constraints.device):
        return table.costs[name]
    known = [each.removeprefix(_LATENCY) for each in table.costs if _LATENCY in each]
    if name == "latency_ms" and (known or name in table.costs):
        allowed = "one of " + ", ".join(known) if known else "empty: there is only one"
        raise OptionError("device", constraints.device, allowed)
    limit = constraints.limits()[name]
    allowed = f"0: table {table.name} does not say what this costs"
    raise OptionError(f"max_{name}", limit, allowed)
