"""What ops of a layer have to give: a batch of one shape, of the layer's features."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.spaces import Layer

Shape = tuple[int, ...]


def output_shape(outputs: Sequence[Any]) -> Shape:
    """The shape of one output of an op that was given a batch of one.

    Args:
      outputs: abstract arrays, all that it returned.

    Returns:
      The shape without the axis of the batch.

    Raises:
      UserError: it returned no batch of one.
    """
    shapes = [tuple(each.shape) for each in outputs]
    if len(shapes) != 1 or shapes[0][:1] != (1,):
        got = " and ".join(str(list(shape)) for shape in shapes) or "nothing"
        raise UserError(
            f"got an output {got} for a batch of one, expected one array [1, ...]"
        )
    return shapes[0][1:]


def check_outputs(
    layer: Layer, input_shape: Shape, outputs: Mapping[str, Shape], where: str
) -> None:
    """Checks that the ops of a layer can stand for each other.

    Args:
      layer: its features and stride.
      input_shape: of one input.
      outputs: of one output, by the name of the op.
      where: the layer's place in words.

    Raises:
      UserError: an op has other features than the layer says, or another shape than the
        others; the line names it, and both shapes.
    """
    usual = _usual(layer, input_shape)
    most = usual if usual in outputs.values() else next(iter(outputs.values()))
    for name, shape in outputs.items():
        if shape[-1:] == (layer.out_features,) and shape == most:
            continue
        if shape[-1:] == (layer.out_features,):
            others = [other for other, each in outputs.items() if each == most]
            expected = f"{list(most)}, as op {others[0]!r} does"
        else:
            expected = f"{list(usual)}, of out_features={layer.out_features}"
        given = f"an input {list(input_shape)} at stride {layer.stride}"
        raise UserError(
            f"{where}, op {name!r}: makes {list(shape)} of {given}, expected {expected}"
        )


def _usual(layer: Layer, input_shape: Shape) -> Shape:
    """What convolutions with padding make of an input; of a vector a vector."""
    sides = (math.ceil(side / layer.stride) for side in input_shape[:-1])
    return (*sides, layer.out_features)
