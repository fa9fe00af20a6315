"""Costs of chain spaces: tables of all ops, and the blocks of one architecture."""

from typing import Any

import numpy as np

from qnas_jax.nets.costs import OpCosts, costs_of_layer
from qnas_jax.spaces import CostTable, NetworkSpace, check_archs


def chain_cost_table(space: NetworkSpace) -> CostTable:
    """Builds the cost table of a space.

    Args:
      space: the search space.

    Returns:
      Parameters and multiply-accumulates of every op at every layer.

    Raises:
      UserError: the ops of a layer do not agree on the shape of their output.
    """
    rows = [costs for _, costs in _costs_of_blocks(space)]
    first, last = len(space.stem), len(space.stem) + space.num_layers
    table = np.zeros((2, space.num_layers, space.max_ops), np.int64)
    for layer, costs in enumerate(rows[first:last]):
        table[:, layer, : len(costs)] = np.asarray(costs).T
    fixed_costs = [costs[0] for costs in rows[:first] + rows[last:]]
    fixed = np.asarray(fixed_costs, np.int64).reshape(-1, 2).sum(axis=0)
    return CostTable(
        by_op=dict(zip(OpCosts._fields, table, strict=True)),
        fixed=dict(zip(OpCosts._fields, fixed.tolist(), strict=True)),
        num_ops=space.num_ops,
    )


def describe_chain(space: NetworkSpace, arch: Any) -> list[dict[str, Any]]:
    """Lists the blocks of an architecture with shapes and costs.

    Args:
      space: the search space.
      arch: integers [L].

    Returns:
      One record a block, as `nets.Supernet` says.

    Raises:
      UserError: the architecture is not one of the space, or the ops of a layer do not
        agree on the shape of their output.
    """
    indices = check_archs(space, arch).tolist()
    chosen = [0] * len(space.stem) + indices + [0] * len(space.head)
    records = []
    for position, (layer, (shape, costs), index) in enumerate(
        zip(space.blocks, _costs_of_blocks(space), chosen, strict=True)
    ):
        place = position - len(space.stem)
        searched = 0 <= place < space.num_layers
        role = "layer" if searched else ("stem" if place < 0 else "head")
        records.append(
            {
                "role": role,
                **({"layer": place} if searched else {}),
                "op": layer.ops[index].name,
                "in_features": layer.in_features,
                "out_features": layer.out_features,
                "stride": layer.stride,
                "resolution": shape[0] if len(shape) == 3 else 1,
                **costs[index]._asdict(),
            }
        )
    return records


def _costs_of_blocks(
    space: NetworkSpace,
) -> list[tuple[tuple[int, ...], list[OpCosts]]]:
    """For each block the shape of one input, and the costs of each candidate."""
    shape = space.input_shape
    rows = []
    for position, layer in enumerate(space.blocks):
        where = f"space {space.name!r}, block {position} (stem first)"
        costs, output = costs_of_layer(layer, shape, where)
        rows.append((shape, costs))
        shape = output
    return rows
