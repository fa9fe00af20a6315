"""The supernet of a chain: all ops of all layers, run one path at a time.

Weights are rows (`nets/slots.py`). The rows of a path are read by an architecture that
is plain data, so one compiled program serves all architectures and a training step
touches only the chosen rows. A population is visited in an order in which those with
the same first layers are neighbours, and what they share is computed once.

Source: single-path one-shot training, Guo et al. 2020; Li et al. 2024 (BQNAS).
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.nets.blocks import FixedBlocks, before_the_mean, fill
from qnas_jax.nets.bodies import largest_of
from qnas_jax.nets.build import template_of_op
from qnas_jax.nets.chain.costs import (
    chain_cost_table,
    chain_parts,
    chain_peaks,
    describe_chain,
)
from qnas_jax.nets.chain.equal_layers import (
    Kept,
    join_equal_layers,
    nothing_kept,
    run_equal_layers,
    run_equal_layers_from,
    run_equal_layers_once,
)
from qnas_jax.nets.chain.subnet import ChainSubnet
from qnas_jax.nets.costs import Part
from qnas_jax.nets.each_once import Mixed
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.forms import Form
from qnas_jax.nets.initial import initial_rows
from qnas_jax.nets.path_supernet import PathSupernet, path_at
from qnas_jax.nets.pieces import OpTemplate
from qnas_jax.nets.protocol import Passed
from qnas_jax.nets.slots import RowArrays, RowKind, Slots, take_path
from qnas_jax.nets.visiting import VisitingOrder, Visitor
from qnas_jax.spaces import CostTable, NetworkSpace, check_archs


class ChainSupernet(PathSupernet):
    """The static part of a supernet; its arrays travel beside it.

    Attributes:
      space: what it was built from.
      form: how the ops of a layer are run.
    """

    space: NetworkSpace

    def __init__(
        self, space: NetworkSpace, form: Form = "switch", *, recompute: bool = False
    ):
        """Builds the templates of all ops; no array is made.

        Args:
          space: the search space.
          form: how the ops of a layer are run.
          recompute: gradients of padded layers keep the outputs of linear operations
            only: less memory, more time.

        Raises:
          UserError: an op is not registered, does not fit its options, or has state
            other than parameters and batch statistics.
        """
        self.space = space
        self.form = form
        self._places = _places_of_blocks(space)
        self._fixed = FixedBlocks(space.stem + space.head)
        self._layers = join_equal_layers(space.layers, form, recompute)
        self._num_stem = self._first_head = len(space.stem)
        self._mean = self._first_head + before_the_mean(space.head)

    @property
    def layer_templates(self) -> list[tuple[OpTemplate, ...]]:
        """The candidates of each layer."""
        return [each.body.templates for each in self._layers for _ in range(each.count)]

    @functools.cached_property
    def largest_values(self) -> int:
        """Values of the largest array inside of a network for one input."""
        first = len(self.space.stem)
        stem, shape = self._fixed.largest(slice(0, first), self.space.input_shape)
        bodies = [each.body for each in self._layers for _ in range(each.count)]
        layers, shape = largest_of(bodies, shape)
        head, _ = self._fixed.largest(slice(first, None), shape)
        return max(stem, layers, head)

    def init(self, key: jax.Array) -> tuple[Slots, Slots]:
        """Draws initial weights.

        Args:
          key: consumed.

        Returns:
          Parameters and running statistics, as `Slots`.
        """
        params: Slots = {"fixed": [], "layers": []}
        stats: Slots = {"fixed": [], "layers": []}
        for position, (block, (group, _)) in enumerate(
            zip(self.space.blocks, self._places, strict=True)
        ):
            block_key = jax.random.fold_in(key, position)
            rows = initial_rows(block, block_key)
            for slots, matrix in zip((params, stats), rows, strict=True):
                slots[group].append(matrix if group == "layers" else matrix[0])
        return params, stats

    def _run_paths(
        self,
        params: Slots,
        stats: Slots,
        archs: jax.Array,
        values: jax.Array,
        stem_stats: list[jax.Array],
        mode: Mode,
        once: bool,
    ) -> tuple[jax.Array, Slots]:
        if once and self.form == "padded":
            return self._each_op_once(params, stats, archs, values, stem_stats, mode)
        return super()._run_paths(params, stats, archs, values, stem_stats, mode, once)

    def _each_op_once(
        self,
        params: Slots,
        stats: Slots,
        archs: jax.Array,
        values: jax.Array,
        stem_stats: list[jax.Array],
        mode: Mode,
    ) -> tuple[jax.Array, Slots]:
        """All paths through the layers together, then through the head one by one."""
        places = jnp.arange(len(archs))
        mixed = Mixed(jnp.broadcast_to(values, (len(archs), *values.shape)), places)
        found: list[jax.Array] = []
        for equal in self._layers:
            mixed, rows = run_equal_layers_once(
                equal, mode, archs, params, stats, mixed
            )
            found.extend(rows)

        def head(values: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
            return self.head(params, stats, values, mode=mode)

        logits, head_stats = jax.vmap(head)(mixed.in_order())
        fixed = stem_stats + [rows.mean(axis=0) for rows in head_stats]
        return logits, {"fixed": fixed, "layers": found}

    def _behind_the_stem(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        stem_stats: list[jax.Array],
        mode: Mode,
    ) -> Passed:
        """Layers and head, from the output of the stem [N, H, W, C]."""
        layer_stats: list[jax.Array] = []
        for equal in self._layers:
            chosen = equal.choose(arch, params, stats)
            values, found = run_equal_layers(equal, mode, chosen, values)
            layer_stats.extend(found)
        return self._with_head(params, stats, values, stem_stats, layer_stats, mode)

    def visit(
        self,
        params: Slots,
        stats: Slots,
        order: VisitingOrder,
        inputs: jax.Array,
        *,
        mode: Mode,
        visitor: Visitor,
        carry: Any,
        block: int = 1,
    ) -> Any:
        """Passes inputs [N, ...] through a population, as `Supernet.visit` says.

        Stem and shared beginnings run once.
        """
        if self.form == "padded":
            return super().visit(
                params,
                stats,
                order,
                inputs,
                mode=mode,
                visitor=visitor,
                carry=carry,
                block=block,
            )
        shared = jax.tree.map(lambda row: row[0], stats)
        values, stem_stats = self.stem(params, shared, inputs, mode=mode)

        def visit(place: jax.Array, state: tuple[Any, Any]) -> tuple[Any, Any]:
            carry, kept = state
            path, own_stats = path_at(params, stats, order, place)
            output, kept = self._layers_from(
                order.first_layer[place],
                path,
                own_stats,
                order.archs[place],
                values,
                kept,
                mode,
            )
            logits, head_stats = self.head(path, own_stats, output, mode=mode)
            found = [row for _, rows in kept for row in rows]
            new_stats = {"fixed": stem_stats + head_stats, "layers": found}
            return visitor(place, logits, new_stats, carry), kept

        start = (carry, self._nothing_kept(params, values))
        return jax.lax.fori_loop(0, order.count, visit, start)[0]

    def _nothing_kept(self, params: Slots, values: jax.Array) -> list[Kept]:
        """Zeros in the shapes of what `_layers_from` keeps; `values` leave the stem."""
        kept = []
        shape = jax.ShapeDtypeStruct(values.shape, values.dtype)
        for equal in self._layers:
            shape, zeros = nothing_kept(equal, params, shape)
            kept.append(zeros)
        return kept

    def _layers_from(
        self,
        first: jax.Array,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        kept: list[Kept],
        mode: Mode,
    ) -> tuple[jax.Array, list[Kept]]:
        """Runs the layers from the first that differs; earlier ones are kept.

        Args:
          first: int32 scalar, the first layer to compute; before the first
            architecture it is 0.
          params: a path's parameters.
          stats: a path's running statistics.
          arch: int32 [L].
          values: the output of the stem.
          kept: what the call for the architecture before returned.
          mode: how batch normalisation behaves.

        Returns:
          The output of the last layer, and the output and new statistics of every
          layer, by equal neighbouring layers.
        """
        new_kept = []
        for equal, before in zip(self._layers, kept, strict=True):
            chosen = equal.choose(arch, params, stats)
            values, found = run_equal_layers_from(
                equal, mode, first, chosen, values, before
            )
            new_kept.append(found)
        return values, new_kept

    def cut(self, params: Slots, stats: Slots, arch: Any) -> ChainSubnet:
        """Cuts out the stand-alone network of an architecture, with its weights.

        Args:
          params: the supernet's parameters.
          stats: the supernet's running statistics.
          arch: integers [L].

        Returns:
          A network that owns copies of the chosen weights.

        Raises:
          UserError: the architecture is not one of the space.
        """
        arch = check_archs(self.space, arch)
        subnet = nnx.eval_shape(
            lambda: ChainSubnet(self.space, arch, rngs=nnx.Rngs(jax.random.key(0)))
        )
        # Rows are taken apart in NumPy: JAX would compile each slice for itself.
        path_params, path_stats = (
            jax.tree.map(np.asarray, take_path(slots, jnp.asarray(arch)))
            for slots in (params, stats)
        )
        for block, layer, (group, place) in zip(
            subnet.blocks(), self.space.blocks, self._places, strict=True
        ):
            index = int(arch[place]) if group == "layers" else 0
            rows = path_params[group][place], path_stats[group][place]
            fill(block, template_of_op(layer, index), *rows)
        return subnet

    def row_arrays(self, kind: RowKind) -> RowArrays:
        """Names the arrays in the rows.

        Args:
          kind: of the rows.

        Returns:
          See `RowArrays`.
        """
        fixed = [[template.arrays(kind)] for template in self._fixed.templates]
        layers = [
            [template.arrays(kind) for template in templates]
            for templates in self.layer_templates
        ]
        return {"fixed": fixed, "layers": layers}

    def cost_table(self) -> CostTable:
        """All of `nets.costs.OpCosts` of every op at every layer.

        Raises:
          UserError: the ops of a layer do not agree on the shape of their output.
        """
        return chain_cost_table(self.space)

    def peak_bytes(self, archs: Any) -> np.ndarray:
        """The most bytes of activations at one time, as `nets.Supernet` says.

        Args:
          archs: integers [P, L].

        Returns:
          int64 [P].

        Raises:
          UserError: they are none of the space, or ops do not agree on their shapes.
        """
        return chain_peaks(self.space, archs)

    def parts(self) -> list[Part]:
        """Every op at its place, and the fixed blocks, as `nets.Supernet` says.

        Raises:
          UserError: the ops of a place do not agree on the shape of their output.
        """
        return chain_parts(self.space)

    def describe_arch(self, arch: Any) -> list[dict[str, Any]]:
        """Lists the blocks of an architecture with shapes and costs.

        Args:
          arch: integers [L].

        Returns:
          One record a block, as `nets.Supernet` says.

        Raises:
          UserError: the architecture is not one of the space, or the ops of a layer do
            not agree on the shape of their output.
        """
        return describe_chain(self.space, arch)


def _places_of_blocks(space: NetworkSpace) -> tuple[tuple[str, int], ...]:
    """Group ("fixed" or "layers") and place in it of each block, in data order."""
    num_stem, num_fixed = len(space.stem), len(space.stem) + len(space.head)
    stem = [("fixed", place) for place in range(num_stem)]
    layers = [("layers", place) for place in range(space.num_layers)]
    head = [("fixed", place) for place in range(num_stem, num_fixed)]
    return (*stem, *layers, *head)
