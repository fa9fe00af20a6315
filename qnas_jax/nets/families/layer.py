"""A layer without control flow: its ops as one body whose op is data.

What it computes does not depend on the architecture, so a population is a `vmap` of it,
where a switch would run every op. It computes the widest op of each family.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.errors import UserError
from qnas_jax.nets.build import OpModules, abstract_op, op_modules, op_templates
from qnas_jax.nets.families.inverted_residual import InvertedResidual, member
from qnas_jax.nets.families.rows import (
    Block,
    RowMap,
    make_row_map,
    read_row,
    write_row,
)
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.pieces import OpTemplate, Shape, pieces_of
from qnas_jax.nets.probing import watching
from qnas_jax.spaces import Layer


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

    def run(
        self,
        mode: Mode,
        op: jax.Array,
        params: jax.Array,
        stats: jax.Array,
        inputs: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Runs one op, as `nets.bodies.Body` says; all families, and one selected.

        Raises:
          UserError: a probe looks at ReLUs, whose inputs are padded here.
        """
        active = watching()
        if active is not None and active.probe.watch is not None:
            raise UserError("probe: got a padded supernet, expected form 'switch'")
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
            # Rows and values of another op mean nothing here: zeros are harmless, and
            # a selection keeps gradients out whatever they are.
            chosen = op == other
            own = (
                jnp.where(chosen, each, jnp.zeros_like(each))
                for each in (params, stats, inputs)
            )
            output, row = self.templates[other].apply(mode, *own)
            found.append((chosen, output, row))
        _, output, row = found[0]
        for chosen, other_output, other_row in found[1:]:
            output = jnp.where(chosen, other_output, output)
            row = jnp.where(chosen, other_row, row)
        return output, row

    def largest(self, shape: Shape) -> int:
        """Values of the largest array inside, for one input of a shape."""
        sizes = [math.prod(shape)]
        if self.family is not None:
            sizes.append(self.family.largest(shape))
        for other in self.others:
            sizes += map(math.prod, self.templates[other].shapes(shape))
        return max(sizes)


def padded_layer(layer: Layer) -> PaddedLayer:
    """Builds the body of a layer.

    Args:
      layer: its shape and candidates.

    Returns:
      The body.

    Raises:
      UserError: an op is not registered, does not fit its options, or has state other
        than parameters and batch statistics.
    """
    return _padded_layer(layer, op_modules(layer))


@functools.lru_cache(maxsize=1024)
def _padded_layer(layer: Layer, modules: OpModules) -> PaddedLayer:
    del modules  # part of the cache key only
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
