"""Costs of cell spaces: tables of all ops, and the parts of one architecture."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.nets.costs import OpCosts, OpTrace, Part, traces_of_layer
from qnas_jax.nets.memory import Value, Walk, peak_of_program
from qnas_jax.spaces import CellSpace, CostTable, Layer, check_archs


def cell_cost_table(space: CellSpace) -> CostTable:
    """Builds the cost table of a space; every edge has the same entries.

    Args:
      space: the search space.

    Returns:
      All of `OpCosts` of every op at every edge, over all cells.

    Raises:
      UserError: the ops of an edge do not keep the shape.
    """
    ops = np.asarray(_costs_of_ops(space), np.int64)
    fixed = sum(np.asarray(trace.costs, np.int64) for _, _, trace in _fixed(space))
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
            **trace.costs._asdict(),
            "peak_bytes": peak_of_program(trace.program),
        }
        for role, (block, shape, trace) in zip(roles, _fixed(space), strict=True)
    ]
    stem = len(space.stem)
    return [*fixed[:stem], *edges, *fixed[stem:]]


def cell_peaks(space: CellSpace, archs: Any) -> np.ndarray:
    """The most bytes that networks keep while one input passes.

    The edges of a cell run one after the other, as `space.edges` lists them. A node
    lives from the first edge that brings something to the last one that reads it.

    Args:
      space: the search space.
      archs: integers [P, edges].

    Returns:
      int64 [P], as `nets.Supernet` says.

    Raises:
      UserError: as `describe_cells`.
    """
    archs = check_archs(space, archs)
    fixed = max(peak_of_program(trace.program) for _, _, trace in _fixed(space))
    stages = list(_stages(space))
    known = {
        arch: max(
            fixed, *(_peak_of_cell(space, shape, ops, arch) for shape, ops in stages)
        )
        for arch in set(map(tuple, archs.tolist()))
    }
    return np.asarray([known[tuple(arch)] for arch in archs.tolist()], np.int64)


def cell_parts(space: CellSpace) -> list[Part]:
    """Every op of every stage, and the fixed blocks, as `nets.Supernet` says.

    Args:
      space: the search space.

    Returns:
      An op of a stage belongs to all edges.

    Raises:
      UserError: the ops of an edge do not keep the shape.
    """
    edges = range(space.num_layers)
    found = [Part(block, shape, 1, ()) for block, shape, _ in _fixed(space)]
    stages = zip(space.edge_layers, _stages(space), strict=True)
    for layer, (shape, _) in stages:
        for index, op in enumerate(layer.ops):
            one = dataclasses.replace(layer, ops=(op,))
            entries = tuple((edge, index) for edge in edges)
            found.append(Part(one, shape, space.cells, entries))
    return found


def _peak_of_cell(
    space: CellSpace,
    shape: tuple[int, ...],
    traces: list[OpTrace],
    arch: tuple[int, ...],
) -> int:
    """That of one cell of a stage, float32."""
    walk = Walk()
    nodes: dict[int, Value] = {0: walk.input(4 * math.prod(shape))}
    for (before, after), op in zip(space.edges, arch, strict=True):
        program = traces[op].program
        weights = [None] * (len(program.jaxpr.invars) - 1)
        (output,) = walk.run(program, [*weights, nodes[before]])
        nodes[after] = walk.add(nodes[after], output) if after in nodes else output
    return walk.peak([nodes[max(nodes)]])


def _costs_of_ops(space: CellSpace) -> list[OpCosts]:
    """Of each op at one edge, over all cells."""
    total = np.zeros((len(space.ops), len(OpCosts._fields)), np.int64)
    for _, traces in _stages(space):
        own = np.asarray([trace.costs for trace in traces], np.int64)
        total += space.cells * own
    return [OpCosts(*row) for row in total.tolist()]


def _stages(space: CellSpace) -> Iterator[tuple[tuple[int, ...], list[OpTrace]]]:
    """For each stage the shape at an edge, and what each op does there."""
    height, width, _ = space.input_shape
    for stage, layer in enumerate(space.edge_layers):
        shape = (height >> stage, width >> stage, layer.in_features)
        where = f"space {space.name!r}, an edge of stage {stage}"
        traces = traces_of_layer(layer, shape, where)
        if traces[0].output != shape:
            raise UserError(
                f"{where}: its ops make {traces[0].output} of {shape}, expected to "
                "keep the shape"
            )
        yield shape, traces


def _fixed(space: CellSpace) -> list[tuple[Layer, tuple[int, ...], OpTrace]]:
    """Block, shape of one input and trace of each fixed block."""
    shape = space.input_shape
    found = []
    for place, block in enumerate(space.fixed):
        where = f"space {space.name!r}, fixed block {place}"
        (trace,) = traces_of_layer(block, shape, where)
        found.append((block, shape, trace))
        shape = trace.output
    return found
