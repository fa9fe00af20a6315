"""One searchable layer: runs the op that the architecture names, forward and back.

A `lax.switch` over the groups of a layer, and one over the pieces at each place of the
chosen group (`nets/pieces.py`). Each piece has its own reverse rule: it keeps its input
and computes what it needs again. Differentiating a switch over whole ops saves
zero-filled residuals for every branch. Never `vmap` it: that turns the switch into
running every branch (`experiments/benches/scoring.py`).
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import images_at_once
from qnas_jax.nets.build import op_templates
from qnas_jax.nets.flat import Mode, PieceTemplate
from qnas_jax.nets.pieces import (
    Group,
    Operands,
    OpTemplate,
    Shape,
    plan_layer,
    run_piece,
    trace_key,
)
from qnas_jax.nets.probing import watching
from qnas_jax.spaces import Layer

Pieces = tuple[PieceTemplate, ...]


@dataclasses.dataclass(frozen=True)
class SwitchedLayer:
    """The ops of a layer, of which only the chosen one runs.

    Attributes:
      templates: the candidates.
    """

    templates: tuple[OpTemplate, ...]

    @classmethod
    def of(cls, layer: Layer) -> "SwitchedLayer":
        """Builds the body of a layer."""
        return cls(op_templates(layer))

    def run(
        self,
        mode: Mode,
        op: jax.Array,
        params: jax.Array,
        stats: jax.Array,
        inputs: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Runs one op, [N, ...] and rows [D] and [S], as `nets.bodies.Body` says."""
        return run_layer(self.templates, mode, op, params, stats, inputs)

    def largest(self, shape: Shape) -> int:
        """Values of the largest array between the pieces, for one input of a shape."""
        shapes = {shape}.union(*(op.shapes(shape) for op in self.templates))
        return max(map(math.prod, shapes))


def run_layer(
    templates: tuple[OpTemplate, ...],
    mode: Mode,
    op: jax.Array,
    params: jax.Array,
    stats: jax.Array,
    inputs: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Runs one op of a layer.

    Args:
      templates: the candidates.
      mode: how batch normalisation behaves.
      op: int32 scalar, which candidate.
      params: its row of parameters [D].
      stats: its row of running statistics [S].
      inputs: [N, ...].

    Returns:
      The output [N, ...] and the new row of statistics [S].
    """
    plan = plan_layer(templates, inputs.shape[1:])
    run = _run_in_parts if mode == "running" else _run_group
    branches = [functools.partial(run, group, mode) for group in plan.groups]
    group_index = jnp.asarray(plan.group_of)[op]
    return select(branches, group_index)(op, Operands(params, stats, inputs))


def _run_in_parts(
    group: Group, mode: Mode, op: jax.Array, operands: Operands
) -> tuple[jax.Array, jax.Array]:
    """As many images at once as keep the values between the pieces in the cache."""
    inputs = operands.inputs
    count = images_at_once(group.inner_size, len(inputs))
    if count == len(inputs) or watching() is not None:
        return _run_group(group, mode, op, operands)

    def run(images: jax.Array) -> jax.Array:
        return _run_group(group, mode, op, operands._replace(inputs=images))[0]

    outputs = lax.map(run, inputs.reshape(-1, count, *inputs.shape[1:]))
    return outputs.reshape(-1, *outputs.shape[2:]), operands.stats


def _run_group(
    group: Group, mode: Mode, op: jax.Array, operands: Operands
) -> tuple[jax.Array, jax.Array]:
    params, stats, values = operands
    for position in group.positions:
        index = jnp.asarray(position.choice)[op]
        starts = jnp.asarray(position.starts)[op]
        values, stats = _switch(
            position.pieces, mode, index, starts, Operands(params, stats, values)
        )
    return (operands.inputs + values if group.residual else values), stats


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _switch(
    pieces: Pieces, mode: Mode, index: jax.Array, starts: jax.Array, operands: Operands
) -> tuple[jax.Array, jax.Array]:
    branches = [functools.partial(run_piece, piece, mode) for piece in pieces]
    return select(branches, index)((starts[0], starts[1]), operands)


def select(
    branches: Sequence[Callable[..., Any]], index: jax.Array
) -> Callable[..., Any]:
    """The branch of an index, int32 []; no switch if there is but one."""
    if len(branches) == 1:
        return branches[0]
    return functools.partial(lax.switch, index, branches)


Saved = tuple[jax.Array, jax.Array, Operands]


def _switch_forward(
    pieces: Pieces, mode: Mode, index: jax.Array, starts: jax.Array, operands: Operands
) -> tuple[tuple[jax.Array, jax.Array], Saved]:
    return _switch(pieces, mode, index, starts, operands), (index, starts, operands)


def _switch_backward(
    pieces: Pieces,
    mode: Mode,
    saved: Saved,
    gradients: tuple[jax.Array, jax.Array],
) -> tuple[None, None, Any]:
    index, starts, operands = saved
    output_gradient, _ = gradients  # running statistics carry no gradient

    branches = [functools.partial(reverse_piece, piece, mode) for piece in pieces]
    params_gradient, inputs_gradient = select(branches, index)(
        (starts[0], starts[1]), operands, output_gradient
    )
    # Of the operands' own form, as the rule must be; None stands for zeros.
    gradient: Any = Operands(params_gradient, None, inputs_gradient)  # type: ignore[arg-type]
    return None, None, gradient


def reverse_piece(
    piece: PieceTemplate,
    mode: Mode,
    starts: tuple[jax.Array, jax.Array],
    operands: Operands,
    gradient: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Reverses one piece, which is computed again; equal calls are traced once.

    Args:
      piece: the piece.
      mode: how batch normalisation behaves.
      starts: where the piece begins in the rows of parameters and statistics, int [].
      operands: the op's rows, and the piece's inputs.
      gradient: to its output, [N, ...].

    Returns:
      Gradients to the op's row of parameters [D] and to the piece's inputs [N, ...].
    """
    return _reverse_piece(piece, mode, trace_key(), starts, operands, gradient)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _reverse_piece(
    piece: PieceTemplate,
    mode: Mode,
    key: Hashable,
    starts: tuple[jax.Array, jax.Array],
    operands: Operands,
    gradient: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    del key  # part of the cache key only

    def forward(params: jax.Array, inputs: jax.Array) -> jax.Array:
        changed = operands._replace(params=params, inputs=inputs)
        return run_piece(piece, mode, starts, changed)[0]

    _, pull = jax.vjp(forward, operands.params, operands.inputs)
    return pull(gradient)


_switch.defvjp(_switch_forward, _switch_backward)
