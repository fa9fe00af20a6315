"""A chain supernet without control flow: every layer is one body whose op is data.

The same weights, as the same rows, and the same results as `ChainSupernet`
(`tests/nets/test_padded_network.py`). What it computes does not depend on the
architecture, so a population is a `vmap` of it, where the other form would run every op
of every layer. It computes the widest op of each layer: on a CPU, one architecture at a
time, the other form is faster.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.nets.build import abstract_op, op_templates
from qnas_jax.nets.chain.equal_layers import EqualLayers, join_equal_layers
from qnas_jax.nets.families.inverted_residual import (
    LINEAR,
    InvertedResidual,
    member,
)
from qnas_jax.nets.families.rows import (
    Block,
    RowMap,
    make_row_map,
    read_row,
    write_row,
)
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.pieces import OpTemplate, pieces_of
from qnas_jax.nets.slots import Slots
from qnas_jax.spaces import Layer, NetworkSpace


@dataclasses.dataclass(frozen=True, eq=False)
class PaddedLayer:
    """The ops of a layer as one body.

    Attributes:
      templates: its ops.
      family: its inverted residuals, or None if it has none.
      params: where their parameters lie.
      stats: where their statistics lie.
      others: ops that are no members; each of them always runs.
    """

    templates: tuple[OpTemplate, ...]
    family: InvertedResidual | None
    params: RowMap
    stats: RowMap
    others: tuple[int, ...]

    def apply(
        self,
        mode: Mode,
        op: jax.Array,
        params: jax.Array,
        stats: jax.Array,
        inputs: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Runs the op that is chosen.

        Args:
          mode: how batch normalisation behaves.
          op: int32 scalar.
          params: its row of parameters.
          stats: its row of running statistics.
          inputs: [N, H, W, C_in].

        Returns:
          The output and the new row of statistics.
        """
        found: list[tuple[Any, jax.Array, jax.Array]] = []
        if self.family is not None:
            vectors = (
                read_row(row_map, op, row)
                for row_map, row in ((self.params, params), (self.stats, stats))
            )
            arrays, own_stats = (
                row_map.split(vector)
                for row_map, vector in zip(
                    (self.params, self.stats), vectors, strict=True
                )
            )
            output, new = self.family.apply(mode, op, arrays, own_stats, inputs)
            vector = jax.lax.stop_gradient(self.stats.join(new))
            row = (
                stats if mode == "running" else write_row(self.stats, op, vector, stats)
            )
            found.append((None, output, row))
        for other in self.others:
            # The row of another op means nothing here, and zeros are harmless.
            chosen = op == other
            own_params, own_row = (
                jnp.where(chosen, row, jnp.zeros_like(row)) for row in (params, stats)
            )
            template = self.templates[other]
            output, row = template.apply(mode, own_params, own_row, inputs)
            found.append((chosen, output, row))
        _, output, row = found[0]
        for chosen, other_output, other_row in found[1:]:
            output = jnp.where(chosen, other_output, output)
            row = jnp.where(chosen, other_row, row)
        return output, row


@functools.lru_cache(maxsize=1024)
def padded_layer(layer: Layer) -> PaddedLayer:
    """Builds the body of a layer.

    Args:
      layer: its shape and candidates.

    Returns:
      The body.

    Raises:
      UserError: an op is not registered, or does not fit its options.
    """
    templates = op_templates(layer)
    members = []
    for index, template in enumerate(templates):
        module = _positions(layer, index, template)
        members.append(member(module))
    family = InvertedResidual(
        layer.in_features, layer.out_features, layer.stride, tuple(members)
    )
    others = tuple(i for i, each in enumerate(members) if each is None)
    if len(others) == len(members):
        empty = make_row_map((), [{} for _ in templates])
        return PaddedLayer(templates, None, empty, empty, others)
    params, stats = (
        make_row_map(
            fields,
            [{} if each is None else _blocks(getattr(each, kind)) for each in members],
        )
        for kind, fields in zip(("params", "stats"), family.fields(), strict=True)
    )
    return PaddedLayer(templates, family, params, stats, others)


def _positions(layer: Layer, index: int, template: OpTemplate) -> nnx.Module:
    """An op whose variables hold their positions in the op's rows."""
    module = abstract_op(layer, index)
    rows: Any = [
        np.arange(starts[-1])
        for starts in (template.param_starts, template.stat_starts)
    ]
    for piece, state in zip(pieces_of(module), template.states(*rows), strict=True):
        nnx.update(piece, *state)
    return module


def _blocks(variables: dict[str, Any]) -> dict[str, Block]:
    blocks = {}
    for name, variable in variables.items():
        positions = np.asarray(variable[...])
        blocks[name] = Block(int(positions.flat[0]), positions.shape)
    return blocks


class PaddedNetwork:
    """The static part of a supernet in padded form; its arrays travel beside it.

    Attributes:
      space: what it was built from.
    """

    def __init__(self, space: NetworkSpace, *, recompute: bool = False):
        """Builds the bodies of all layers; no array is made.

        Args:
          space: the search space.
          recompute: gradients keep the outputs of linear operations only.

        Raises:
          UserError: an op is not registered or does not fit its options.
        """
        self.space = space
        self._recompute = recompute
        self._fixed = tuple(op_templates(block)[0] for block in space.stem + space.head)
        self._equal = join_equal_layers(space.layers)
        self._bodies = tuple(
            padded_layer(space.layers[equal.places.start]) for equal in self._equal
        )

    def apply(
        self,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        images: jax.Array,
        *,
        mode: Mode,
        precision: str | None = None,
    ) -> tuple[jax.Array, Slots]:
        """Runs one path.

        Args:
          params: a path's parameters, float32.
          stats: a path's running statistics.
          arch: int32 [L].
          images: float [N, H, W, C].
          mode: how batch normalisation behaves.
          precision: of values and products, None for that of the images; sums,
            statistics and the last block are float32 at least.

        Returns:
          Logits [N, num_classes] and the path's new statistics.
        """
        values = images.astype(precision or images.dtype)
        num_stem = len(self.space.stem)
        fixed_stats: list[jax.Array] = []
        values = self._run_fixed(
            slice(0, num_stem), params, stats, values, mode, fixed_stats
        )
        layer_stats: list[jax.Array] = []
        for equal, body in zip(self._equal, self._bodies, strict=True):
            values, found = self._run_equal(
                equal, body, params, stats, arch, values, mode
            )
            layer_stats.extend(found)
        num_blocks = len(self._fixed)
        inner, last = slice(num_stem, num_blocks - 1), slice(num_blocks - 1, None)
        values = self._run_fixed(inner, params, stats, values, mode, fixed_stats)
        logits = self._run_fixed(
            last,
            params,
            stats,
            values.astype(jnp.promote_types(values.dtype, jnp.float32)),
            mode,
            fixed_stats,
        )
        return logits, {"fixed": fixed_stats, "layers": layer_stats}

    def _run_equal(
        self,
        equal: EqualLayers,
        body: PaddedLayer,
        params: Slots,
        stats: Slots,
        arch: jax.Array,
        values: jax.Array,
        mode: Mode,
    ) -> tuple[jax.Array, list[jax.Array]]:
        def step(values: jax.Array, each: Any) -> tuple[jax.Array, jax.Array]:
            op, own_params, own_stats = each
            return body.apply(mode, op, own_params, own_stats, values)

        if self._recompute:
            policy = jax.checkpoint_policies.save_only_these_names(LINEAR)
            step = jax.checkpoint(step, policy=policy, prevent_cse=equal.count == 1)
        chosen = equal.choose(arch, params, stats)
        if equal.count > 1:
            stacked = chosen.ops, jnp.stack(chosen.params), jnp.stack(chosen.stats)
            values, rows = jax.lax.scan(step, values, stacked)
            return values, list(rows)
        found = []
        for each in zip(*chosen, strict=True):
            values, row = step(values, each)
            found.append(row)
        return values, found

    def _run_fixed(
        self,
        blocks: slice,
        params: Slots,
        stats: Slots,
        values: jax.Array,
        mode: Mode,
        found: list[jax.Array],
    ) -> jax.Array:
        for template, own_params, own_stats in zip(
            self._fixed[blocks],
            params["fixed"][blocks],
            stats["fixed"][blocks],
            strict=True,
        ):
            own_params = own_params.astype(values.dtype)
            values, row = template.apply(mode, own_params, own_stats, values)
            found.append(row)
        return values
