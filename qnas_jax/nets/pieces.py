"""Ops as chains of pieces, so that ops of a layer share what they have in common.

An op that has a method `pieces()` is the chain of these modules, plus its input if
it has a true attribute `residual`. Ops of a layer whose values have the same shapes
between the pieces form a group, and equal pieces of a group are compiled once: the 15
inverted residuals of `proxylessnas` are 3 groups with 20 pieces, not 15 whole ops. An
op without `pieces()` is one piece.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from qnas_jax.kernels import forced_implementation, materialise
from qnas_jax.nets import probing
from qnas_jax.nets.flat import Mode, PieceTemplate, template_of
from qnas_jax.nets.slots import RowArray, RowKind

Shape = tuple[int, ...]


def pieces_of(module: nnx.Module) -> tuple[nnx.Module, ...]:
    """The chain of modules that an op is; itself if it does not say."""
    return tuple(module.pieces()) if hasattr(module, "pieces") else (module,)


def run_pieces(module: Any, images: jax.Array) -> jax.Array:
    """Runs an op with `pieces()`, [N, ...] -> [N, ...]: what its `__call__` does."""
    values = images
    for piece in module.pieces():
        values = piece(values)
    return images + values if module.residual else values


class Operands(NamedTuple):
    """The arrays that an op, or a piece of one, works on.

    Attributes:
      params: the op's row of parameters [D], or a longer one.
      stats: the op's row of running statistics [S], or a longer one.
      inputs: [N, ...].
    """

    params: jax.Array
    stats: jax.Array
    inputs: jax.Array


@dataclasses.dataclass(frozen=True)
class OpTemplate:
    """An op without its arrays.

    Attributes:
      pieces: its chain.
      residual: whether the input is added at the end.
    """

    pieces: tuple[PieceTemplate, ...]
    residual: bool

    @functools.cached_property
    def param_starts(self) -> tuple[int, ...]:
        """Where each piece begins in a row of parameters, and the row's length."""
        return (0, *itertools.accumulate(piece.params.size for piece in self.pieces))

    @functools.cached_property
    def stat_starts(self) -> tuple[int, ...]:
        """Where each piece begins in a row of statistics, and the row's length."""
        return (0, *itertools.accumulate(piece.stats.size for piece in self.pieces))

    def apply(
        self, mode: Mode, params: jax.Array, stats: jax.Array, inputs: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Runs the op.

        Args:
          mode: how batch normalisation behaves.
          params: its row of parameters [D], or a longer one.
          stats: its row of running statistics [S], or a longer one.
          inputs: [N, ...].

        Returns:
          The output [N, ...] and the new row of statistics, as wide as `stats`.
        """
        values = inputs
        for piece, p, s in zip(
            self.pieces, self.param_starts, self.stat_starts, strict=False
        ):
            operands = Operands(params, stats, values)
            values, stats = run_piece(piece, mode, (p, s), operands)
        return (inputs + values if self.residual else values), stats

    def shapes(self, shape: Shape) -> tuple[Shape, ...]:
        """Shapes of the output of each piece, for one input of a shape."""
        shapes = []
        for piece in self.pieces:
            shape = output_shape(piece, shape)
            shapes.append(shape)
        return tuple(shapes)

    def arrays(self, kind: RowKind) -> tuple[RowArray, ...]:
        """Names the arrays in an op's row, in its order."""
        found = []
        starts = self.param_starts if kind == "params" else self.stat_starts
        for number, (piece, start) in enumerate(zip(self.pieces, starts, strict=False)):
            layout = piece.params if kind == "params" else piece.stats
            found += [
                RowArray(f"{number}.{name}", start + begin, shape)
                for name, begin, shape in layout.arrays()
            ]
        return tuple(found)

    def states(self, params: jax.Array, stats: jax.Array) -> list[tuple[Any, Any]]:
        """Reads the state of each piece from an op's rows [D] and [S], or longer."""
        return [
            (piece.params.unflatten(params[p:]), piece.stats.unflatten(stats[s:]))
            for piece, p, s in zip(
                self.pieces, self.param_starts, self.stat_starts, strict=False
            )
        ]


def op_template(module: nnx.Module, name: str) -> OpTemplate:
    """Takes an op (with shapes or arrays) apart.

    Args:
      module: the op.
      name: its name, for errors.

    Returns:
      The template.

    Raises:
      UserError: the module has state that is neither Param nor BatchStat.
    """
    pieces = tuple(template_of(piece, name) for piece in pieces_of(module))
    residual = hasattr(module, "pieces") and bool(getattr(module, "residual", False))
    return OpTemplate(pieces, residual)


def run_piece(
    piece: PieceTemplate, mode: Mode, starts: tuple[Any, Any], operands: Operands
) -> tuple[jax.Array, jax.Array]:
    """Runs one piece on its part of an op's rows; equal calls are traced once.

    Args:
      piece: the piece.
      mode: how batch normalisation behaves.
      starts: where the piece begins in the rows of parameters and statistics, int [].
      operands: the op's rows, and the piece's inputs.

    Returns:
      The output [N, ...] and the op's new row of statistics [S].
    """
    return _run_piece(piece, mode, trace_key(), starts, operands)


def trace_key() -> Hashable:
    """What a trace depends on beside its arguments: a part of its cache's key."""
    return forced_implementation(), probing.watching()


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _run_piece(
    piece: PieceTemplate,
    mode: Mode,
    key: Hashable,
    starts: tuple[Any, Any],
    operands: Operands,
) -> tuple[jax.Array, jax.Array]:
    del key  # part of the cache key only
    params, stats, inputs = operands
    # Materialised, or the slicing is done again for each value that a loop reads.
    own_params, own_stats = (
        materialise(jax.lax.dynamic_slice_in_dim(row, start, layout.size))
        for row, start, layout in zip(
            (params, stats), starts, (piece.params, piece.stats), strict=True
        )
    )
    with probing.noting() as note:
        output, own_stats = piece.apply(mode, own_params, own_stats, inputs)
    stats = jax.lax.dynamic_update_slice_in_dim(stats, own_stats, starts[1], axis=0)
    return output, note(stats)


@dataclasses.dataclass(frozen=True)
class Position:
    """One place in the chains of a group.

    Attributes:
      pieces: the distinct pieces that stand there.
      choice: for each op of the layer, which of them, int32 [K]; 0 for ops of other
        groups.
      starts: for each op, where its piece begins in both rows, int32 [K, 2].
    """

    pieces: tuple[PieceTemplate, ...]
    choice: np.ndarray
    starts: np.ndarray


@dataclasses.dataclass(frozen=True)
class Group:
    """Ops of a layer whose values have the same shapes between the pieces.

    Attributes:
      positions: the places of the chain.
      residual: whether the input is added at the end.
      inner_shapes: of the values between the pieces, for one image.
      inner_size: values of the largest of them, or of an input if there are none.
    """

    positions: tuple[Position, ...]
    residual: bool
    inner_shapes: tuple[Shape, ...]
    inner_size: int


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """The groups of a layer.

    Attributes:
      groups: of ops.
      group_of: int32 [K], the group of each op.
    """

    groups: tuple[Group, ...]
    group_of: np.ndarray

    @property
    def inner_size(self) -> int:
        """Values of the largest array between the pieces, for one image."""
        return max(group.inner_size for group in self.groups)


@functools.lru_cache(maxsize=1024)
def plan_layer(templates: tuple[OpTemplate, ...], shape: Shape) -> LayerPlan:
    """Groups the ops of a layer.

    Args:
      templates: its ops.
      shape: of one input.

    Returns:
      The plan.
    """
    keys = [(op.shapes(shape)[:-1], op.residual) for op in templates]
    distinct = list(dict.fromkeys(keys))
    groups = []
    for key in distinct:
        members = [index for index, found in enumerate(keys) if found == key]
        positions = tuple(
            _position(templates, members, place) for place in range(len(key[0]) + 1)
        )
        inner_size = max(map(math.prod, key[0]), default=math.prod(shape))
        groups.append(Group(positions, key[1], key[0], inner_size))
    group_of = np.asarray([distinct.index(key) for key in keys], np.int32)
    return LayerPlan(tuple(groups), group_of)


def _position(
    templates: Sequence[OpTemplate], members: Sequence[int], place: int
) -> Position:
    pieces = list(dict.fromkeys(templates[index].pieces[place] for index in members))
    choice = np.zeros(len(templates), np.int32)
    starts = np.zeros((len(templates), 2), np.int32)
    for index in members:
        op = templates[index]
        choice[index] = pieces.index(op.pieces[place])
        starts[index] = op.param_starts[place], op.stat_starts[place]
    return Position(tuple(pieces), choice, starts)


@functools.lru_cache(maxsize=4096)
def output_shape(piece: PieceTemplate, shape: Shape) -> Shape:
    """Shape of the output of a piece.

    Args:
      piece: the piece.
      shape: of one input.

    Returns:
      The shape of one output.
    """
    vectors = (
        jax.ShapeDtypeStruct((layout.size,), np.float32)
        for layout in (piece.params, piece.stats)
    )
    images = jax.ShapeDtypeStruct((1, *shape), np.float32)
    run = functools.partial(piece.apply, "running")
    output, _ = jax.eval_shape(run, *vectors, images)
    return tuple(output.shape[1:])
