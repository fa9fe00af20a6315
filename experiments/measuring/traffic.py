"""Bytes that scoring has to move at least: a count by layer, not a measurement."""

import math

import numpy as np

from qnas_jax.nets.build import op_templates
from qnas_jax.nets.pieces import OpTemplate, output_shape
from qnas_jax.spaces import Layer, NetworkSpace

Shape = tuple[int, ...]
_BYTES = 4  # of a float32


def bytes_moved(
    space: NetworkSpace, archs: np.ndarray, images: int, chunk: int
) -> float:
    """Counts what passes between memory and processor, nothing kept in a cache.

    Each piece of an op (`nets/pieces.py`) reads its input and writes its output once an
    image, and reads its weights once a chunk; a residual reads the op's input again.
    Values inside a piece (normalised, activated, padded) are not counted, nor are
    pieces that do nothing.

    Args:
      space: the search space.
      archs: int32 [P, L].
      images: that each architecture is scored on.
      chunk: images computed at once.

    Returns:
      Bytes for the whole population, float32; fixed blocks are counted for each
      architecture, shared layers too.
    """
    shape: Shape = space.input_shape
    stem, shape = _chain_traffic(space.stem, shape)
    layers, shape = _chain_traffic(space.layers, shape)
    head, _ = _chain_traffic(space.head, shape)
    fixed = sum(block[0] for block in stem + head)
    chosen = sum(table[archs[:, place]] for place, table in enumerate(layers))
    values, weights = (fixed[None] + chosen).sum(axis=0)
    return float(_BYTES * (images * values + math.ceil(images / chunk) * weights))


def _chain_traffic(
    layers: tuple[Layer, ...], shape: Shape
) -> tuple[list[np.ndarray], Shape]:
    """For each layer [K, 2], values an image and weights; and the output's shape."""
    tables = []
    for layer in layers:
        found = [op_traffic(op, shape) for op in op_templates(layer)]
        tables.append(np.asarray([each[:2] for each in found], np.float64))
        shape = found[0][2]
    return tables, shape


def op_traffic(op: OpTemplate, shape: Shape) -> tuple[int, int, Shape]:
    """What one op moves.

    Args:
      op: the op.
      shape: of one input.

    Returns:
      Values read and written for one image, weights read, and the output's shape.
    """
    values = math.prod(shape) if op.residual else 0
    for piece in op.pieces:
        output = output_shape(piece, shape)
        if piece.params.size or output != shape:
            values += math.prod(shape) + math.prod(output)
        shape = output
    return values, op.param_starts[-1], shape
