"""The weight-sharing supernet: all ops of all layers, run one path at a time.

Weights are rows (`nets/slots.py`). The rows of a path are gathered by an architecture
that is plain data, so one compiled program serves all architectures and a training step
touches only the chosen rows.

Source: single-path one-shot training, Guo et al. 2020; Li et al. 2024 (BQNAS).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.nets.build import op_templates
from qnas_jax.nets.chains import OpTemplate, pieces_of
from qnas_jax.nets.equal_layers import (
    Kept,
    join_equal_layers,
    nothing_kept,
    run_equal_layers,
    run_equal_layers_from,
)
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.initial import initial_rows
from qnas_jax.nets.slots import Slots, gather, places_of_blocks
from qnas_jax.nets.subnet import Subnet
from qnas_jax.spaces import NetworkSpace


class Supernet:
    """The static part of a supernet; its arrays travel beside it.

    Attributes:
      space: what it was built from.
    """

    def __init__(self, space: NetworkSpace):
        """Builds the templates of all ops; no array is made.

        Args:
          space: the search space.

        Raises:
          UserError: an op is not registered, does not fit its options, or has state
            other than parameters and batch statistics.
        """
        self.space = space
        self._places = places_of_blocks(space)
        self._fixed = tuple(op_templates(block)[0] for block in space.stem + space.head)
        self._layers = join_equal_layers(space.layers)

    @property
    def layer_templates(self) -> list[tuple[OpTemplate, ...]]:
        """The candidates of each layer."""
        return [each.templates for each in self._layers for _ in range(each.count)]

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

    def apply(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        images: jax.Array,
        *,
        mode: Mode,
    ) -> tuple[jax.Array, Slots]:
        """Runs one path.

        Args:
          params: a path's parameters (see `gather`).
          stats: a path's running statistics.
          arch: int32 [L].
          images: float [N, H, W, C].
          mode: how batch normalisation behaves.

        Returns:
          Logits [N, num_classes] and the path's new statistics.
        """
        values, stem_stats = self.stem(params, stats, images, mode=mode)
        values, layer_stats = self.layers(params, stats, arch, values, mode=mode)
        logits, head_stats = self.head(params, stats, values, mode=mode)
        return logits, {"fixed": stem_stats + head_stats, "layers": layer_stats}

    def layers(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        *,
        mode: Mode,
        between: Callable[[jax.Array], jax.Array] | None = None,
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs the searched layers of one path.

        Args:
          params: a path's parameters.
          stats: a path's running statistics.
          arch: int32 [L].
          values: [N, ...], the output of the stem.
          mode: how batch normalisation behaves.
          between: applied to the values before each group of equal layers.

        Returns:
          The output of the last layer, and the new statistics of each.
        """
        layer_stats = []
        for equal in self._layers:
            chosen = equal.choose(arch, params, stats)
            values = values if between is None else between(values)
            values, found = run_equal_layers(equal, mode, chosen, values)
            layer_stats.extend(found)
        return values, layer_stats

    def stem(
        self, params: Slots, stats: Slots, images: jax.Array, *, mode: Mode
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs the fixed blocks before the layers, which all architectures share.

        Args:
          params: parameters; only the fixed ones are read.
          stats: running statistics; likewise.
          images: float [N, H, W, C].
          mode: how batch normalisation behaves.

        Returns:
          Values [N, ...] and the new statistics of the stem.
        """
        blocks = slice(0, len(self.space.stem))
        return self._run_fixed(blocks, params, stats, images, mode)

    def head(
        self, params: Slots, stats: Slots, values: jax.Array, *, mode: Mode
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Runs the fixed blocks behind the layers.

        Args:
          params: parameters; only the fixed ones are read.
          stats: running statistics; likewise.
          values: [N, ...], the output of the last layer.
          mode: how batch normalisation behaves.

        Returns:
          Logits [N, num_classes] and the new statistics of the head.
        """
        blocks = slice(len(self.space.stem), None)
        return self._run_fixed(blocks, params, stats, values, mode)

    def nothing_kept(self, values: jax.Array) -> list[Kept]:
        """What `layers_from` needs before the first architecture.

        Args:
          values: the output of the stem.

        Returns:
          Zeros of the right shapes.
        """
        kept = []
        shape = jax.ShapeDtypeStruct(values.shape, values.dtype)
        for equal in self._layers:
            shape, zeros = nothing_kept(equal, shape)
            kept.append(zeros)
        return kept

    def layers_from(
        self,
        first: jax.Array,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        kept: list[Kept],
        *,
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

    def _run_fixed(
        self,
        blocks: slice,
        params: Slots,
        stats: Slots,
        values: jax.Array,
        mode: Mode,
    ) -> tuple[jax.Array, list[jax.Array]]:
        new_stats = []
        for template, own_params, own_stats in zip(
            self._fixed[blocks],
            params["fixed"][blocks],
            stats["fixed"][blocks],
            strict=True,
        ):
            values, row = template.apply(mode, own_params, own_stats, values)
            new_stats.append(row)
        return values, new_stats

    def cut(self, params: Slots, stats: Slots, arch: Any) -> Subnet:
        """Cuts out the stand-alone network of an architecture, with its weights.

        Args:
          params: the supernet's parameters.
          stats: the supernet's running statistics.
          arch: integers [L].

        Returns:
          A network that owns copies of the chosen weights.
        """
        subnet = nnx.eval_shape(
            lambda: Subnet(self.space, arch, rngs=nnx.Rngs(jax.random.key(0)))
        )
        path = jnp.asarray(arch, jnp.int32)
        # Rows are taken apart in NumPy: JAX would compile each slice for itself.
        path_params, path_stats = (
            jax.tree.map(np.asarray, gather(slots, path)) for slots in (params, stats)
        )
        for block, layer, (group, place) in zip(
            subnet.blocks(), self.space.blocks, self._places, strict=True
        ):
            template = op_templates(layer)[int(arch[place]) if group == "layers" else 0]
            rows = path_params[group][place], path_stats[group][place]
            states = template.states(*rows)
            for piece, state in zip(pieces_of(block), states, strict=True):
                nnx.update(piece, *jax.tree.map(jnp.array, state))
        return subnet
