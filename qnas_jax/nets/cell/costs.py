"""Costs of cell spaces: tables of all ops, and the parts of one architecture."""

from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.nets.costs import OpCosts, costs_of_layer
from qnas_jax.spaces import CellSpace, CostTable, Layer, check_archs


def cell_cost_table(space: CellSpace) -> CostTable:
    """Builds the cost table of a space; every edge has the same entries.

    Args:
      space: the search space.

    Returns:
      Parameters and multiply-accumulates of every op at every edge, over all cells.

    Raises:
      UserError: the ops of an edge do not keep the shape.
    """
    ops = np.asarray(_costs_of_ops(space), np.int64)
    fixed = sum(np.asarray(costs, np.int64) for _, _, costs in _fixed_costs(space))
    return CostTable(
        by_op={
            name: np.tile(ops[:, number], (space.num_layers, 1))
            for number, name in enumerate(OpCosts._fields)
        },
        fixed=dict(zip(OpCosts._fields, np.asarray(fixed).tolist(), strict=True)),
        num_ops=space.num_ops,
    )


def describe_cells(space: CellSpace, arch: Any) -> list[dict[str, Any]]:
    """Lists the fixed blocks and the edges of an architecture.

    Args:
      space: the search space.
      arch: integers [edges].

    Returns:
      One record a part, as `nets.Supernet` says. That of an edge counts all cells,
      shows features and resolution of the first, and has `edge` ("0-1": from, to).

    Raises:
      UserError: the architecture is not one of the space, or the ops of an edge do not
        keep the shape.
    """
    indices = check_archs(space, arch).tolist()
    costs = _costs_of_ops(space)
    edges = [
        {
            "role": "layer",
            "layer": place,
            "edge": f"{before}-{after}",
            "op": space.ops[index].name,
            "in_features": space.features,
            "out_features": space.features,
            "stride": 1,
            "resolution": space.input_shape[0],
            **costs[index]._asdict(),
        }
        for place, ((before, after), index) in enumerate(
            zip(space.edges, indices, strict=True)
        )
    ]
    roles = (
        ["stem"] * len(space.stem)
        + ["reduction"] * len(space.reductions)
        + ["head"] * len(space.head)
    )
    fixed = [
        {
            "role": role,
            "op": block.ops[0].name,
            "in_features": block.in_features,
            "out_features": block.out_features,
            "stride": block.stride,
            "resolution": shape[0] if len(shape) == 3 else 1,
            **costs._asdict(),
        }
        for role, (block, shape, costs) in zip(roles, _fixed_costs(space), strict=True)
    ]
    stem = len(space.stem)
    return [*fixed[:stem], *edges, *fixed[stem:]]


def _costs_of_ops(space: CellSpace) -> list[OpCosts]:
    """Of each op at one edge, over all cells."""
    total = np.zeros((len(space.ops), len(OpCosts._fields)), np.int64)
    height, width, _ = space.input_shape
    for stage, layer in enumerate(space.edge_layers):
        shape = (height >> stage, width >> stage, layer.in_features)
        where = f"space {space.name!r}, an edge of stage {stage}"
        costs, output = costs_of_layer(layer, shape, where)
        if output != shape:
            raise UserError(
                f"{where}: its ops make {output} of {shape}, expected to keep the shape"
            )
        total += space.cells * np.asarray(costs, np.int64)
    return [OpCosts(*row) for row in total.tolist()]


def _fixed_costs(space: CellSpace) -> list[tuple[Layer, tuple[int, ...], OpCosts]]:
    """Block, shape of one input and costs of each fixed block."""
    shape = space.input_shape
    found = []
    for place, block in enumerate(space.fixed):
        where = f"space {space.name!r}, fixed block {place}"
        (costs,), output = costs_of_layer(block, shape, where)
        found.append((block, shape, costs))
        shape = output
    return found
