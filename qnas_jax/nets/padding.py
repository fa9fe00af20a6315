"""A layer without control flow: its ops as a few bodies whose op is data.

Ops of a layer that are of one family (`nets/families`) are one body of the largest
sizes. An op that says `sizes = ("kernel", ...)` is of one family with all ops of its
class that differ in these options alone: their body is the op with the largest ones. An
op without a family is a body of its own. A layer runs all of its bodies and selects, so
what it computes does not depend on the architecture: a population is a `vmap` of it,
where a switch would run every op.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.nets.build import (
    OpModules,
    abstract_op,
    op_modules,
    op_templates,
    template_of_op,
)
from qnas_jax.nets.families import Family, Member, member_of, says_for_itself
from qnas_jax.nets.families.family import largest_field
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
from qnas_jax.nets.slots import RowKind
from qnas_jax.spaces import Layer, Op

Rows = tuple[jax.Array, jax.Array]
"""Parameters and statistics."""


class Part(Protocol):
    """Runs some ops of a layer as one; the result for others means nothing."""

    def run(
        self, mode: Mode, op: jax.Array, rows: Rows, inputs: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Runs one op, see `nets.bodies.Body`.

        Args:
          mode: how batch normalisation behaves.
          op: int32 scalar, which candidate.
          rows: its rows of parameters [D] and statistics [S].
          inputs: [N, ...].

        Returns:
          The output [N, ...] and the new row of statistics [S].
        """

    def largest(self, shape: Shape) -> int:
        """Values of the largest array inside, for one input of a shape."""


@dataclasses.dataclass(frozen=True, eq=False)
class OneOp:
    """An op alone. For others it is given zeros, which are harmless."""

    index: int
    template: OpTemplate

    def run(
        self, mode: Mode, op: jax.Array, rows: Rows, inputs: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """As `Part` says; op [], inputs and output [N, ...]."""
        # Selections, so that gradients stay out whatever they are.
        own = (
            jnp.where(op == self.index, each, jnp.zeros_like(each))
            for each in (*rows, inputs)
        )
        return self.template.apply(mode, *own)

    def largest(self, shape: Shape) -> int:
        """As `Part` says."""
        return max(map(math.prod, (shape, *self.template.shapes(shape))))


class PaddedRows(NamedTuple):
    """Where rows of the ops of a layer lie in the arrays of a family."""

    params: RowMap
    stats: RowMap

    def read(self, op: jax.Array, rows: Rows) -> Rows:
        """The padded vectors of an op, int32 []; zeros of one that is no member."""
        params, stats = (
            read_row(row_map, op, row) for row_map, row in zip(self, rows, strict=True)
        )
        return params, stats

    def write(
        self, mode: Mode, op: jax.Array, vector: jax.Array, rows: Rows
    ) -> jax.Array:
        """The op's row of statistics with new ones, which carry no gradient.

        Args:
          mode: how batch normalisation behaves; nothing changes with "running".
          op: int32 scalar.
          vector: the padded vector [self.stats.size] of the new statistics.
          rows: of the op.

        Returns:
          [S].
        """
        if mode == "running":
            return rows[1]
        return write_row(self.stats, op, lax.stop_gradient(vector), rows[1])


@dataclasses.dataclass(frozen=True, eq=False)
class FamilyOps:
    """The members of a family."""

    family: Family
    padded: PaddedRows

    def run(
        self, mode: Mode, op: jax.Array, rows: Rows, inputs: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """As `Part` says; op [], inputs and output [N, ...]."""
        params, stats = (
            row_map.split(vector)
            for row_map, vector in zip(
                self.padded, self.padded.read(op, rows), strict=True
            )
        )
        output, found = self.family.apply(mode, op, params, stats, inputs)
        vector = self.padded.stats.join({**stats, **found})
        return output.astype(inputs.dtype), self.padded.write(mode, op, vector, rows)

    def largest(self, shape: Shape) -> int:
        """As `Part` says."""
        return self.family.largest(shape)


@dataclasses.dataclass(frozen=True, eq=False)
class LargestOp:
    """Ops of one class that differ in sizes: the op with the largest ones."""

    template: OpTemplate
    padded: PaddedRows

    def run(
        self, mode: Mode, op: jax.Array, rows: Rows, inputs: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """As `Part` says; op [], inputs and output [N, ...]."""
        padded = self.padded.read(op, rows)
        output, vector = self.template.apply(mode, *padded, inputs)
        return output, self.padded.write(mode, op, vector, rows)

    def largest(self, shape: Shape) -> int:
        """As `Part` says."""
        return max(map(math.prod, (shape, *self.template.shapes(shape))))


@dataclasses.dataclass(frozen=True, eq=False)
class PaddedLayer:
    """The ops of a layer as a few bodies.

    Attributes:
      templates: its ops.
      parts: the bodies.
      part_of: for each op, which body runs it.
    """

    templates: tuple[OpTemplate, ...]
    parts: tuple[Part, ...]
    part_of: tuple[int, ...]

    def run(
        self,
        mode: Mode,
        op: jax.Array,
        params: jax.Array,
        stats: jax.Array,
        inputs: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Runs one op, as `nets.bodies.Body` says: all bodies, of which one counts.

        Rows are [D] and [S], inputs and output [N, ...].

        Raises:
          UserError: a probe looks at ReLUs, whose inputs are padded here.
        """
        active = watching()
        if active is not None and active.probe.watch is not None:
            raise UserError("probe: got a padded supernet, expected form 'switch'")
        found = [part.run(mode, op, (params, stats), inputs) for part in self.parts]
        if len(found) == 1:
            return found[0]
        which = jnp.asarray(self.part_of, jnp.int32)[op]
        outputs, rows = zip(*found, strict=True)
        row = stats if mode == "running" else lax.select_n(which, *rows)
        return lax.select_n(which, *outputs), row

    def largest(self, shape: Shape) -> int:
        """Values of the largest array inside, for one input of a shape."""
        return max(part.largest(shape) for part in self.parts)


def padded_layer(layer: Layer) -> PaddedLayer:
    """Builds the body of a layer.

    Args:
      layer: its shape and candidates.

    Returns:
      The body.

    Raises:
      UserError: an op is not registered, does not fit its options, or has state other
        than parameters and batch statistics, or an array that its family has no place
        for.
    """
    return _padded_layer(layer, op_modules(layer))


@functools.lru_cache(maxsize=1024)
def _padded_layer(layer: Layer, modules: OpModules) -> PaddedLayer:
    templates = op_templates(layer)
    members = [
        member_of(_positions(layer, index, template))
        for index, template in enumerate(templates)
    ]
    groups: dict[Hashable, list[int]] = {}
    for index, (op, kind, member) in enumerate(
        zip(layer.ops, modules, members, strict=True)
    ):
        key = member.family if member else _sizes_apart(op, kind, index)
        groups.setdefault(key, []).append(index)
    parts, part_of = [], [0] * len(templates)
    for number, indices in enumerate(groups.values()):
        parts.append(_part(layer, indices, members))
        for index in indices:
            part_of[index] = number
    return PaddedLayer(templates, tuple(parts), tuple(part_of))


def _part(layer: Layer, indices: list[int], members: list[Member | None]) -> Part:
    first = members[indices[0]]
    if first is not None:
        own = tuple(m if i in indices else None for i, m in enumerate(members))
        family = first.family(layer.in_features, layer.out_features, layer.stride, own)
        kinds: tuple[RowKind, RowKind] = ("params", "stats")
        maps = (
            make_row_map(
                fields,
                [{} if each is None else _blocks(getattr(each, kind)) for each in own],
            )
            for kind, fields in zip(kinds, family.fields(), strict=True)
        )
        return FamilyOps(family, PaddedRows(*maps))
    if len(indices) == 1:
        return OneOp(indices[0], template_of_op(layer, indices[0]))
    return _largest_op(layer, indices)


def _sizes_apart(op: Op, kind: Any, index: int) -> Hashable:
    """What ops of one class that differ in sizes have in common; else the op alone."""
    if not says_for_itself(kind, "sizes"):
        return index
    options = _all_options(op, kind)
    rest = {name: value for name, value in options.items() if name not in kind.sizes}
    return kind, tuple(sorted(rest.items()))


def _all_options(op: Op, kind: type[nnx.Module]) -> dict[str, Any]:
    """An op's options, with those that it leaves to their defaults."""
    signature = inspect.signature(kind.__init__).parameters.values()
    defaults = {
        each.name: each.default
        for each in signature
        if each.default is not inspect.Parameter.empty
    }
    return defaults | dict(op.options)


def _largest_op(layer: Layer, indices: list[int]) -> LargestOp:
    kind: Any = op_modules(layer)[indices[0]]
    each = [_all_options(layer.ops[index], kind) for index in indices]
    largest = {name: max(options[name] for options in each) for name in kind.sizes}
    spec = layer.ops[indices[0]]
    options = tuple(sorted({**dict(spec.options), **largest}.items()))
    body = dataclasses.replace(layer, ops=(Op(spec.name, spec.kind, options),))
    template = template_of_op(body, 0)
    maps = (
        _map_by_name(layer, indices, template, kind) for kind in ("params", "stats")
    )
    return LargestOp(template, PaddedRows(*maps))


def _map_by_name(
    layer: Layer, indices: list[int], largest: OpTemplate, kind: RowKind
) -> RowMap:
    """Arrays of ops by name in those of the largest, which are in the row's order."""
    fields = {each.name: each.shape for each in largest.arrays(kind)}
    ops: list[dict[str, Block]] = [{} for _ in layer.ops]
    for index in indices:
        for name, start, shape in template_of_op(layer, index).arrays(kind):
            if name not in fields:
                raise UserError(
                    f"op {layer.ops[index].name!r}: its array {name} is none of the "
                    "op with the largest sizes; leave `sizes` out"
                )
            ops[index][name] = Block(start, shape)
    padded = [
        largest_field(name, [shape, *(o[name].shape for o in ops if name in o)])
        for name, shape in fields.items()
    ]
    return make_row_map(padded, ops)


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


def _blocks(variables: Any) -> dict[str, Block]:
    blocks = {}
    for name, variable in variables.items():
        positions = np.asarray(variable[...])
        blocks[name] = Block(int(positions.flat[0]), positions.shape)
    return blocks
