"""Stages of equal cells, and how their weights lie in the rows of the edges.

A row of an edge lists the stages one after the other and in each the cells, every cell
with room for the largest op of that stage.
"""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import add_up
from qnas_jax.nets.initial import initial_rows
from qnas_jax.nets.probing import in_range
from qnas_jax.spaces import CellSpace

Edges = tuple[tuple[int, int], ...]
RunEdge = Callable[[int, jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
"""(edge, its parameters, its statistics, values) -> output and new statistics."""


@dataclasses.dataclass(frozen=True)
class CellRows:
    """How rows are divided among stages and cells.

    Attributes:
      widths: values of one cell, for each stage.
      cells: of each stage.
    """

    widths: tuple[int, ...]
    cells: int

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each stage begins, and the length of a row."""
        sizes = (self.cells * width for width in self.widths)
        return (0, *itertools.accumulate(sizes))

    def split(self, stage: int, row: jax.Array) -> jax.Array:
        """A stage's part of a row.

        Args:
          stage: which.
          row: [D], perhaps with notes behind (`nets/probing.py`).

        Returns:
          [cells, width], with room for as many notes.
        """
        start, stop = self.starts[stage : stage + 2]
        part = row[start:stop].reshape(self.cells, self.widths[stage])
        notes = row.shape[0] - self.starts[-1]
        return jnp.pad(part, ((0, 0), (0, notes))) if notes else part

    def join(self, parts: Sequence[jax.Array]) -> jax.Array:
        """A row from the parts of all stages; notes are summed.

        Args:
          parts: [cells, width + notes] each.

        Returns:
          [D + notes].
        """
        values, notes = [], []
        for part, width in zip(parts, self.widths, strict=True):
            values.append(part[:, :width].ravel())
            notes.append(part[:, width:].sum(axis=0))
        return jnp.concatenate([*values, functools.reduce(operator.add, notes)])


def run_stage(
    run_edge: RunEdge,
    edges: Edges,
    params: list[jax.Array],
    stats: list[jax.Array],
    values: jax.Array,
) -> tuple[jax.Array, list[jax.Array]]:
    """Runs the cells of a stage.

    Args:
      run_edge: runs one edge of one cell.
      edges: (from, to) of each.
      params: for each edge [cells, ..., D].
      stats: for each edge [cells, ..., S].
      values: [..., N, H, W, C], the input of the first cell.

    Returns:
      The output of the last cell, [..., N, H, W, C], and the new statistics, for each
      edge [cells, ..., S].
    """

    def cell(
        values: jax.Array, rows: tuple[list[jax.Array], list[jax.Array]]
    ) -> tuple[jax.Array, list[jax.Array]]:
        params, stats = rows
        values, first = in_range(values, stats[0])
        stats = [first, *stats[1:]]
        nodes, found = [values], []
        for _, arriving in itertools.groupby(
            enumerate(edges), key=lambda numbered: numbered[1][1]
        ):
            outputs = []
            for edge, (before, _) in arriving:
                output, row = run_edge(edge, params[edge], stats[edge], nodes[before])
                outputs.append(output)
                found.append(row)
            nodes.append(add_up(outputs))
        return nodes[-1], found

    return lax.scan(cell, values, (params, stats))


def initial_edges(
    space: CellSpace, key: jax.Array
) -> tuple[list[jax.Array], list[jax.Array]]:
    """Draws the initial rows of all edges.

    Args:
      space: the search space.
      key: consumed.

    Returns:
      For each edge parameters [K, D] and running statistics [K, S].
    """
    num_edges = len(space.edges)
    stages = []
    for stage, layer in enumerate(space.edge_layers):
        own_key = jax.random.fold_in(key, stage)
        keys = jax.random.split(own_key, num_edges * space.cells)
        # A loop: vectorised over keys, the draws compile five times as long.
        stages.append(lax.map(functools.partial(initial_rows, layer), keys))
    params, stats = (
        [
            jnp.concatenate(
                [_rows_of_edge(drawn[kind], edge, space.cells) for drawn in stages],
                axis=1,
            )
            for edge in range(num_edges)
        ]
        for kind in (0, 1)
    )
    return params, stats


def _rows_of_edge(rows: jax.Array, edge: int, cells: int) -> jax.Array:
    """[edges * cells, K, D] -> [K, cells * D]."""
    _, num_ops, width = rows.shape
    own = rows[edge * cells : (edge + 1) * cells]
    return own.swapaxes(0, 1).reshape(num_ops, cells * width)
