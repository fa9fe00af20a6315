"""One edge of a cell: runs the op that the architecture names, forward and back.

Forward as a layer of a chain (`nets/switching.py`). The reverse rule is one for the
whole edge: it keeps the edge's input and the values between the pieces of the op that
ran, so no convolution is computed twice. A cell has many edges with small values, and a
switch over groups that is differentiated would keep zeros for each branch that did not
run. Never `vmap` it.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from qnas_jax.kernels import materialise
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.pieces import (
    Group,
    LayerPlan,
    Operands,
    OpTemplate,
    Shape,
    plan_layer,
    run_piece,
)
from qnas_jax.nets.switching import SwitchedLayer, reverse_piece, run_layer, select

Templates = tuple[OpTemplate, ...]
Between = list[jax.Array]


class SwitchedEdge(SwitchedLayer):
    """The ops of an edge, of which only the chosen one runs."""

    def run(
        self,
        mode: Mode,
        op: jax.Array,
        params: jax.Array,
        stats: jax.Array,
        inputs: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """Runs one op, [N, ...] and rows [D] and [S], as `nets.bodies.Body` says."""
        operands = Operands(params, stats, inputs)
        return run_edge(self.templates, mode, op, operands)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def run_edge(
    templates: Templates, mode: Mode, op: jax.Array, operands: Operands
) -> tuple[jax.Array, jax.Array]:
    """Runs the op of one edge.

    Args:
      templates: the candidates.
      mode: how batch normalisation behaves.
      op: int32 scalar, which candidate.
      operands: its rows of parameters [D] and statistics [S], and the edge's input
        [N, ...].

    Returns:
      The output [N, ...], and the new row of statistics [S] (no gradient flows through
      it).
    """
    return run_layer(templates, mode, op, *operands)


class _Saved(NamedTuple):
    """What the reverse rule needs; `trained` is None if no parameter has a gradient."""

    op: jax.Array
    operands: Operands
    between: Between
    trained: tuple[()] | None


def _run_forward(
    templates: Templates, mode: Mode, op: Any, operands: Any
) -> tuple[tuple[jax.Array, jax.Array], _Saved]:
    trained = () if operands.params.perturbed else None
    op, operands = op.value, Operands(*(each.value for each in operands))
    plan = plan_layer(templates, operands.inputs.shape[1:])
    places = _places_between(plan)

    def run(group: Group) -> tuple[jax.Array, jax.Array, Between]:
        params, stats, values = operands
        own = []
        for position in group.positions:
            own.append(values)
            choice = jnp.asarray(position.choice)[op]
            starts = jnp.asarray(position.starts)[op]
            branches = [functools.partial(run_piece, p, mode) for p in position.pieces]
            pair = starts[0], starts[1]
            piece_operands = Operands(params, stats, values)
            values, stats = select(branches, choice)(pair, piece_operands)
        output = operands.inputs + values if group.residual else values
        return output, stats, _spread(group, places, own[1:], values)

    output, stats, between = _switch(plan, op, run)
    return (output, stats), _Saved(op, operands, between, trained)


def _run_backward(
    templates: Templates, mode: Mode, saved: _Saved, gradients: tuple[Any, Any]
) -> tuple[None, Operands]:
    op, operands, between, trained = saved
    gradient, _ = gradients
    if isinstance(gradient, SymbolicZero):
        gradient = jnp.zeros_like(operands.inputs)
    plan = plan_layer(templates, operands.inputs.shape[1:])
    places = _places_between(plan)

    def run(group: Group) -> tuple[jax.Array, jax.Array]:
        own = [between[places.index(each)] for each in _keys(group)]
        to_params = jnp.zeros_like(operands.params)
        passed = gradient
        for position, inputs in reversed(
            list(zip(group.positions, [operands.inputs, *own], strict=True))
        ):
            choice = jnp.asarray(position.choice)[op]
            starts = jnp.asarray(position.starts)[op]
            branches = [
                functools.partial(reverse_piece, piece, mode)
                for piece in position.pieces
            ]
            pair = starts[0], starts[1]
            piece_operands = operands._replace(inputs=inputs)
            own_gradient, passed = select(branches, choice)(
                pair, piece_operands, passed
            )
            passed = materialise(passed)
            if trained is not None:
                to_params += own_gradient
        if group.residual:
            passed += gradient
        return to_params, passed

    to_params, to_inputs = _switch(plan, op, run)
    # Of the operands' own form, as the rule must be; None stands for zeros.
    return None, Operands(to_params, None, to_inputs)  # type: ignore[arg-type]


run_edge.defvjp(_run_forward, _run_backward, symbolic_zeros=True)


def _switch(plan: LayerPlan, op: jax.Array, run: Any) -> Any:
    branches = [functools.partial(run, group) for group in plan.groups]
    return select(branches, jnp.asarray(plan.group_of)[op])()


def _keys(group: Group) -> list[tuple[int, Shape]]:
    """Place and shape of each value between the pieces of a group."""
    return list(enumerate(group.inner_shapes))


def _places_between(plan: LayerPlan) -> list[tuple[int, Shape]]:
    """Those of all groups; groups with equal ones share an array."""
    return sorted({key for group in plan.groups for key in _keys(group)})


def _spread(
    group: Group,
    places: Sequence[tuple[int, Shape]],
    own: Sequence[jax.Array],
    like: jax.Array,
) -> Between:
    """A group's values between its pieces, at their places; zeros at others'."""
    keys = _keys(group)
    return [
        own[keys.index(key)]
        if key in keys
        else jnp.zeros((len(like), *key[1]), like.dtype)
        for key in places
    ]
