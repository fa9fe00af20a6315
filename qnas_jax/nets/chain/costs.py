"""Costs of chain spaces: tables of all ops, and the blocks of one architecture."""

import dataclasses
from typing import Any

import numpy as np

from qnas_jax.nets.costs import OpCosts, OpTrace, Part, traces_of_layer
from qnas_jax.nets.memory import peak_of_program
from qnas_jax.spaces import CostTable, NetworkSpace, check_archs


def chain_cost_table(space: NetworkSpace) -> CostTable:
    """Builds the cost table of a space.

    Args:
      space: the search space.

    Returns:
      All of `OpCosts` of every op at every layer.

    Raises:
      UserError: the ops of a layer do not agree on the shape of their output.
    """
    rows = [[trace.costs for trace in traces] for _, traces in _blocks(space)]
    first, last = len(space.stem), len(space.stem) + space.num_layers
    table = np.zeros((len(OpCosts._fields), space.num_layers, space.max_ops), np.int64)
    for layer, costs in enumerate(rows[first:last]):
        table[:, layer, : len(costs)] = np.asarray(costs).T
    fixed_costs = [costs[0] for costs in rows[:first] + rows[last:]]
    fixed = np.asarray(fixed_costs, np.int64).reshape(-1, len(table)).sum(axis=0)
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
    for position, (layer, (shape, traces), index) in enumerate(
        zip(space.blocks, _blocks(space), chosen, strict=True)
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
                "resolution": shape[0] if len(shape) > 1 else 1,
                **traces[index].costs._asdict(),
                "peak_bytes": peak_of_program(traces[index].program),
            }
        )
    return records


def chain_peaks(space: NetworkSpace, archs: Any) -> np.ndarray:
    """The most bytes that networks keep while one input passes.

    Between two blocks there is one array, so it is the largest of the blocks' own.

    Args:
      space: the search space.
      archs: integers [P, L].

    Returns:
      int64 [P], as `nets.Supernet` says.

    Raises:
      UserError: as `describe_chain`.
    """
    archs = check_archs(space, archs)
    peaks = [
        np.asarray([peak_of_program(trace.program) for trace in traces])
        for _, traces in _blocks(space)
    ]
    first, last = len(space.stem), len(space.stem) + space.num_layers
    fixed = max(int(own[0]) for own in peaks[:first] + peaks[last:])
    searched = [own[archs[:, at]] for at, own in enumerate(peaks[first:last])]
    return np.maximum(np.max(searched, axis=0), fixed)


def chain_parts(space: NetworkSpace) -> list[Part]:
    """Every op of every block, as `nets.Supernet` says.

    Args:
      space: the search space.

    Returns:
      In data order.

    Raises:
      UserError: the ops of a layer do not agree on the shape of their output.
    """
    found = []
    blocks = zip(space.blocks, _blocks(space), strict=True)
    for position, (layer, (shape, _)) in enumerate(blocks):
        place = position - len(space.stem)
        searched = 0 <= place < space.num_layers
        for index, op in enumerate(layer.ops):
            entries = ((place, index),) if searched else ()
            one = dataclasses.replace(layer, ops=(op,))
            found.append(Part(one, shape, 1, entries))
    return found


def _blocks(space: NetworkSpace) -> list[tuple[tuple[int, ...], list[OpTrace]]]:
    """For each block the shape of one input, and what each candidate does."""
    shape = space.input_shape
    rows = []
    for position, layer in enumerate(space.blocks):
        where = f"space {space.name!r}, block {position} (stem first)"
        traces = traces_of_layer(layer, shape, where)
        rows.append((shape, traces))
        shape = traces[0].output
    return rows
