"""Counts parameters, bytes and multiply-accumulates by looking at what an op computes.

An op is traced once with shapes, and the products in its program are counted, so a
user's own op needs no cost formula. Convolutions and matrix products count; additions,
normalisation and activations do not (the convention of the published counts).

Bytes are those of what must be stored to run the op: parameters and running statistics,
all at 32 or at 16 bits; at 8 bits arrays of two and more axes have a byte a number, and
vectors (normalisation, biases) keep four, as integer quantisation leaves them.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx
from jax.extend.core import ClosedJaxpr, Jaxpr

from qnas_jax.errors import UserError
from qnas_jax.kernels import force_implementation
from qnas_jax.nets.build import OpModules, abstract_op, naming_op, op_modules
from qnas_jax.nets.flat import set_mode
from qnas_jax.nets.outputs import check_outputs, output_shape
from qnas_jax.spaces import Layer


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
    inner = [_count(jaxpr) for jaxpr in inner_jaxprs(equation.params)]
    if not inner:
        return 0
    if name == "cond":
        return max(inner)
    return sum(inner) * equation.params.get("length", 1)


def inner_jaxprs(params: dict[str, Any]) -> Iterator[Jaxpr]:
    """The programs within an operation, as calls, loops and branches have them."""
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, ClosedJaxpr):
                yield item.jaxpr
            elif isinstance(item, Jaxpr):
                yield item


class OpCosts(NamedTuple):
    """What an op costs for one input.

    Attributes:
      params: its trainable parameters.
      macs: multiply-accumulates of its convolutions and matrix products.
      bytes_32: of parameters and running statistics in float32.
      bytes_16: likewise with two bytes a number.
      bytes_8: likewise with one byte, but four for numbers of vectors.
    """

    params: int
    macs: int
    bytes_32: int
    bytes_16: int
    bytes_8: int


class OpTrace(NamedTuple):
    """An op, seen once with shapes.

    Attributes:
      costs: for one input.
      output: shape of one output.
      program: (arrays of its state, a batch of one) -> (output,).
    """

    costs: OpCosts
    output: tuple[int, ...]
    program: ClosedJaxpr


class Part(NamedTuple):
    """An op at its place in the networks of a space: what can be measured alone.

    Attributes:
      block: a layer with this op only.
      input_shape: of one input.
      times: how often a network has it, if at all.
      entries: (place, op) of a cost table that it belongs to; none if it is fixed.
    """

    block: Layer
    input_shape: tuple[int, ...]
    times: int
    entries: tuple[tuple[int, int], ...]


def traces_of_layer(
    layer: Layer, input_shape: tuple[int, ...], where: str
) -> list[OpTrace]:
    """Traces of all candidates of a layer, of one output shape.

    Args:
      layer: its shape and candidates.
      input_shape: of one input.
      where: the layer's place in words, for errors.

    Raises:
      UserError: an op cannot be computed, has other features than the layer, or another
        shape than the other ops.
    """
    each = []
    for op in layer.ops:
        one = dataclasses.replace(layer, ops=(op,))
        with naming_op(where, op):
            each.append(_computed(one, input_shape))
    outputs = {op.name: trace.output for op, trace in zip(layer.ops, each, strict=True)}
    check_outputs(layer, input_shape, outputs, where)
    return each


def _computed(layer: Layer, input_shape: tuple[int, ...]) -> OpTrace:
    """The trace of a layer's only op; what it was given is said where that fails."""
    module = op_modules(layer)
    try:
        return _trace(layer, input_shape, module)
    except UserError:
        raise
    except Exception as error:
        said = str(error).rstrip(".\n")
        raise UserError(
            f"{type(error).__name__}: {said}; its input is {list(input_shape)}, its "
            f"output is to have {layer.out_features} features"
        ) from error


@functools.lru_cache(maxsize=4096)
def _trace(layer: Layer, input_shape: tuple[int, ...], modules: OpModules) -> OpTrace:
    """Looks at the only op of a layer."""
    del modules  # part of the cache key only
    module = abstract_op(layer, 0)
    set_mode(module, "running")
    graphdef, state = nnx.split(module)
    batch = jax.ShapeDtypeStruct((1, *input_shape), np.float32)

    def run(state: Any, batch: jax.Array) -> jax.Array:
        return nnx.merge(graphdef, state)(batch)

    with force_implementation("reference"):
        program = jax.make_jaxpr(run)(state, batch)
    trained = jax.tree.leaves(nnx.state(module, nnx.Param))
    shapes = [leaf.shape for leaf in jax.tree.leaves(state)]
    sizes = [math.prod(shape) for shape in shapes]
    vectors = sum(
        size for size, shape in zip(sizes, shapes, strict=True) if len(shape) < 2
    )
    costs = OpCosts(
        params=sum(math.prod(leaf.shape) for leaf in trained),
        macs=_count(program.jaxpr),
        bytes_32=4 * sum(sizes),
        bytes_16=2 * sum(sizes),
        bytes_8=sum(sizes) + 3 * vectors,
    )
    return OpTrace(costs, output_shape(program.out_avals), program)
