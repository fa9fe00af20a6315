"""Counts parameters and multiply-accumulates by looking at what an op computes.

An op is traced once with shapes, and the products in its program are counted, so a
user's own op needs no cost formula. Convolutions and matrix products count; additions,
normalisation and activations do not (the convention of the published counts).
"""

import functools
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.extend.core import ClosedJaxpr, Jaxpr

from qnas_jax.errors import UserError
from qnas_jax.kernels import force_implementation
from qnas_jax.nets.build import OpModules, abstract_op, op_modules
from qnas_jax.nets.flat import set_mode
from qnas_jax.spaces import CostTable, Layer, NetworkSpace, check_archs


def count_macs(function: Any, *arguments: Any) -> int:
    """Multiply-accumulates of the products in a function.

    Args:
      function: what to trace.
      *arguments: arrays or shapes; the function must not have been traced before with
        another form of the kernels (JAX would reuse that trace).

    Returns:
      The count; the body of a loop over n steps counts n times, of a branch as the
      largest branch.
    """
    with force_implementation("reference"):
        return _count(jax.make_jaxpr(function)(*arguments).jaxpr)


def _count(jaxpr: Jaxpr) -> int:
    return sum(_equation_macs(equation) for equation in jaxpr.eqns)


def _equation_macs(equation: Any) -> int:
    name = equation.primitive.name
    output_size = math.prod(equation.outvars[0].aval.shape) if equation.outvars else 0
    if name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        out_features = kernel[equation.params["dimension_numbers"].rhs_spec[0]]
        return output_size * math.prod(kernel) // out_features
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        return output_size * math.prod(shape[axis] for axis in contracted)
    inner = [_count(jaxpr) for jaxpr in _inner_jaxprs(equation.params)]
    if not inner:
        return 0
    if name == "cond":
        return max(inner)
    return sum(inner) * equation.params.get("length", 1)


def _inner_jaxprs(params: dict[str, Any]) -> Iterator[Jaxpr]:
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, ClosedJaxpr):
                yield item.jaxpr
            elif isinstance(item, Jaxpr):
                yield item


@functools.lru_cache(maxsize=4096)
def _op_cost(
    layer: Layer, index: int, input_shape: tuple[int, ...], modules: OpModules
) -> tuple[int, int, tuple[int, ...]]:
    """Parameters, multiply-accumulates, and the shape of one output of a candidate."""
    del modules  # part of the cache key only
    module = abstract_op(layer, index)
    set_mode(module, "running")
    graphdef, state = nnx.split(module)
    batch = jax.ShapeDtypeStruct((1, *input_shape), np.float32)

    def run(state: Any, batch: jax.Array) -> jax.Array:
        return nnx.merge(graphdef, state)(batch)

    params = sum(
        math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(module, nnx.Param))
    )
    macs = count_macs(run, state, batch)
    return params, macs, tuple(jax.eval_shape(run, state, batch).shape[1:])


def block_costs(
    space: NetworkSpace,
) -> list[tuple[tuple[int, ...], list[tuple[int, int]]]]:
    """Costs of every candidate of every block (stem, layers, head).

    Args:
      space: the search space.

    Returns:
      For each block the shape of one input, and (params, macs) of each candidate.

    Raises:
      UserError: the ops of a layer do not agree on the shape of their output.
    """
    shape: tuple[int, ...] = space.image_shape
    rows = []
    for position, layer in enumerate(space.blocks):
        modules = op_modules(layer)
        costs = [
            _op_cost(layer, index, shape, modules) for index in range(len(layer.ops))
        ]
        outputs = {cost[2] for cost in costs}
        if len(outputs) != 1:
            named = {
                op.name: cost[2] for op, cost in zip(layer.ops, costs, strict=True)
            }
            raise UserError(
                f"space {space.name!r}, block {position} (stem first): its ops yield "
                f"different shapes: {named}"
            )
        rows.append((shape, [cost[:2] for cost in costs]))
        shape = outputs.pop()
    return rows


def cost_table(space: NetworkSpace) -> CostTable:
    """Builds the cost table of a space.

    Args:
      space: the search space.

    Returns:
      Parameters and multiply-accumulates of every op at every layer.

    Raises:
      UserError: the ops of a layer do not agree on the shape of their output.
    """
    rows = [costs for _, costs in block_costs(space)]
    first, last = len(space.stem), len(space.stem) + space.num_layers
    table = np.zeros((2, space.num_layers, space.max_ops), np.int64)
    for layer, costs in enumerate(rows[first:last]):
        table[:, layer, : len(costs)] = np.asarray(costs).T
    fixed_costs = [costs[0] for costs in rows[:first] + rows[last:]]
    fixed = np.asarray(fixed_costs, np.int64).reshape(-1, 2).sum(axis=0)
    return CostTable(
        params=table[0],
        macs=table[1],
        fixed_params=int(fixed[0]),
        fixed_macs=int(fixed[1]),
        num_ops=space.num_ops,
    )


def describe_arch(space: NetworkSpace, arch: Any) -> list[dict[str, Any]]:
    """Lists the blocks of an architecture with shapes and costs.

    Args:
      space: the search space.
      arch: integers [L].

    Returns:
      One record a block: role (stem, layer, head), layer (index, layers only), op,
      in_features, out_features, stride, resolution (of the input), params, macs.

    Raises:
      UserError: the architecture is not one of the space.
    """
    indices = check_archs(space, arch).tolist()
    chosen = [0] * len(space.stem) + indices + [0] * len(space.head)
    records = []
    for position, (layer, (shape, costs), index) in enumerate(
        zip(space.blocks, block_costs(space), chosen, strict=True)
    ):
        place = position - len(space.stem)
        searched = 0 <= place < space.num_layers
        role = "layer" if searched else ("stem" if place < 0 else "head")
        records.append(
            {
                "role": role,
                **({"layer": place} if searched else {}),
                "op": layer.ops[index].name,
                "in_features": layer.in_features,
                "out_features": layer.out_features,
                "stride": layer.stride,
                "resolution": shape[0] if len(shape) == 3 else 1,
                "params": costs[index][0],
                "macs": costs[index][1],
            }
        )
    return records
