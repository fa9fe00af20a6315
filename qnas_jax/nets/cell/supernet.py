"""The supernet of a cell space: all ops of all edges, run one architecture at a time.

The searched places are the edges of the cell. Row k of edge e holds what op k has at
that edge in all cells of the network, so a path has a row an edge, as it has a row a
layer in chains. The cells of a stage are one scan. Stem, residual blocks and head are
fixed blocks; the architectures of a population share the stem.

Source: Dong & Yang, NAS-Bench-201, ICLR 2020: stages of equal cells; between them a
residual block with stride 2; normalisation, ReLU, mean over the pixels, linear layer.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.nets.blocks import FixedBlocks, before_the_mean, fill
from qnas_jax.nets.bodies import Body, layer_body
from qnas_jax.nets.cell.costs import (
    cell_cost_table,
    cell_parts,
    cell_peaks,
    describe_cells,
)
from qnas_jax.nets.cell.edges import SwitchedEdge
from qnas_jax.nets.cell.stages import CellRows, initial_edges, run_stage
from qnas_jax.nets.cell.subnet import CellSubnet
from qnas_jax.nets.costs import Part
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.forms import Form
from qnas_jax.nets.initial import initial_rows, row_widths
from qnas_jax.nets.path_supernet import PathSupernet
from qnas_jax.nets.precision import as_row
from qnas_jax.nets.protocol import Passed
from qnas_jax.nets.slots import RowArrays, RowKind, Slots, take_path
from qnas_jax.spaces import CellSpace, CostTable, check_archs


class CellSupernet(PathSupernet):
    """The static part of the supernet of a cell space.

    Attributes:
      space: what it was built from.
      form: how the ops of an edge are run.
    """

    space: CellSpace

    def __init__(self, space: CellSpace, form: Form = "switch"):
        """Builds the templates of all ops; no array is made.

        Args:
          space: the search space.
          form: how the ops of an edge are run.

        Raises:
          UserError: an op is not registered, does not fit its options, or has state
            other than parameters and batch statistics.
        """
        self.space = space
        self.form = form
        self._fixed = FixedBlocks(space.fixed)
        self._bodies: tuple[Body, ...] = tuple(
            layer_body(layer, form) if form == "padded" else SwitchedEdge.of(layer)
            for layer in space.edge_layers
        )
        self._stages = tuple(body.templates for body in self._bodies)
        widths = zip(*map(row_widths, self._stages), strict=True)
        self._params, self._stats = (CellRows(each, space.cells) for each in widths)
        self._num_stem = len(space.stem)
        self._first_head = len(space.stem) + len(space.reductions)
        self._mean = self._first_head + before_the_mean(space.head)

    @functools.cached_property
    def largest_values(self) -> int:
        """Values of the largest array inside of a network for one input."""
        shape: tuple[int, ...] = self.space.input_shape
        found = []
        for stage, body in enumerate(self._bodies):
            places = slice(0, self._num_stem)
            if stage > 0:
                place = self._num_stem + stage - 1
                places = slice(place, place + 1)
            largest, shape = self._fixed.largest(places, shape)
            found += [largest, body.largest(shape)]
        head, _ = self._fixed.largest(slice(self._first_head, None), shape)
        return max(*found, head)

    def init(self, key: jax.Array) -> tuple[Slots, Slots]:
        """Draws initial weights.

        Args:
          key: consumed.

        Returns:
          Parameters and running statistics, as `Slots`: a matrix [K, D] an edge.
        """
        fixed_key, edges_key = jax.random.split(key)
        fixed = [
            initial_rows(block, jax.random.fold_in(fixed_key, place))
            for place, block in enumerate(self.space.fixed)
        ]
        edges = initial_edges(self.space, edges_key)
        params, stats = (
            {"fixed": [rows[kind][0] for rows in fixed], "layers": edges[kind]}
            for kind in (0, 1)
        )
        return params, stats

    def _behind_the_stem(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        stem_stats: list[jax.Array],
        mode: Mode,
    ) -> Passed:
        """Stages, reductions and head, from the output of the stem [N, H, W, C]."""
        fixed_stats = list(stem_stats)
        found = []
        for stage, body in enumerate(self._bodies):
            if stage > 0:
                place = self._num_stem + stage - 1
                places = slice(place, place + 1)
                values, new = self._fixed.run(places, params, stats, values, mode)
                fixed_stats += new

            def run_edge(
                edge: int, *row_and_values: jax.Array, body: Body = body
            ) -> Any:
                return body.run(mode, arch[edge], *row_and_values)

            values, rows = run_stage(
                run_edge,
                self.space.edges,
                [self._params.split(stage, row) for row in params["layers"]],
                [self._stats.split(stage, row) for row in stats["layers"]],
                as_row(values, params["layers"][0]),
            )
            found.append(rows)
        edges = list(map(self._stats.join, zip(*found, strict=True)))
        return self._with_head(params, stats, values, fixed_stats, edges, mode)

    def cut(self, params: Slots, stats: Slots, arch: Any) -> CellSubnet:
        """Cuts out the stand-alone network of an architecture, with its weights.

        Args:
          params: the supernet's parameters.
          stats: the supernet's running statistics.
          arch: integers [edges].

        Returns:
          A network that owns copies of the chosen weights.

        Raises:
          UserError: the architecture is not one of the space.
        """
        arch = check_archs(self.space, arch)
        subnet = nnx.eval_shape(
            lambda: CellSubnet(self.space, arch, rngs=nnx.Rngs(jax.random.key(0)))
        )
        # Rows are taken apart in NumPy: JAX would compile each slice for itself.
        path = [
            jax.tree.map(np.asarray, take_path(slots, jnp.asarray(arch)))
            for slots in (params, stats)
        ]
        fixed = zip(subnet.fixed_blocks(), self._fixed.templates, strict=True)
        for place, (block, template) in enumerate(fixed):
            fill(block, template, *(slots["fixed"][place] for slots in path))
        for stage, cells in enumerate(subnet.stages):
            for edge, op in enumerate(arch.tolist()):
                rows = [
                    division.split(stage, slots["layers"][edge])
                    for division, slots in zip(
                        (self._params, self._stats), path, strict=True
                    )
                ]
                for cell, *own in zip(cells, *rows, strict=True):
                    fill(cell.ops[edge], self._stages[stage][op], *own)
        return subnet

    def row_arrays(self, kind: RowKind) -> RowArrays:
        """Names the arrays in the rows.

        Args:
          kind: of the rows.

        Returns:
          See `RowArrays`; names begin with stage and cell.
        """
        division = self._params if kind == "params" else self._stats
        ops = [
            tuple(
                array._replace(
                    name=f"{stage}.{cell}.{array.name}",
                    start=division.starts[stage]
                    + cell * division.widths[stage]
                    + array.start,
                )
                for stage, templates in enumerate(self._stages)
                for cell in range(self.space.cells)
                for array in templates[op].arrays(kind)
            )
            for op in range(len(self.space.ops))
        ]
        fixed = [[template.arrays(kind)] for template in self._fixed.templates]
        return {"fixed": fixed, "layers": [ops] * self.space.num_layers}

    def cost_table(self) -> CostTable:
        """All of `nets.costs.OpCosts` of every op at every edge, in all cells.

        Raises:
          UserError: the ops of an edge do not keep the shape.
        """
        return cell_cost_table(self.space)

    def peak_bytes(self, archs: Any) -> np.ndarray:
        """The most bytes of activations at one time, as `nets.Supernet` says.

        Args:
          archs: integers [P, edges].

        Returns:
          int64 [P].

        Raises:
          UserError: they are none of the space, or ops do not agree on their shapes.
        """
        return cell_peaks(self.space, archs)

    def parts(self) -> list[Part]:
        """Every op at its place, and the fixed blocks, as `nets.Supernet` says.

        Raises:
          UserError: the ops of a place do not agree on the shape of their output.
        """
        return cell_parts(self.space)

    def describe_arch(self, arch: Any) -> list[dict[str, Any]]:
        """Lists the fixed blocks and the edges, with shapes and costs.

        Args:
          arch: integers [edges].

        Returns:
          One record a part, as `nets.Supernet` says; that of an edge counts all cells.

        Raises:
          UserError: the architecture is not one of the space, or the ops of an edge do
            not keep the shape.
        """
        return describe_cells(self.space, arch)
