"""Architectures as indices, strings and JSON values.

An architecture is int32[L], the index of an op for each layer.
"""

import pathlib
from typing import Any

import numpy as np

from qnas_jax.errors import MissingFileError, UserError, did_you_mean
from qnas_jax.options import shown
from qnas_jax.reading import parse_json, read_bytes
from qnas_jax.spaces.space import SearchSpace

SEPARATOR = "|"


def check_archs(space: SearchSpace, archs: Any) -> np.ndarray:
    """Checks architectures given as indices.

    Args:
      space: the space they belong to.
      archs: integers [..., L].

    Returns:
      int32 array of the same shape.

    Raises:
      UserError: wrong length, not integers, or an index out of range.
    """
    array = np.asarray(archs)
    if array.shape[-1:] != (space.num_layers,):
        raise UserError(
            f"architecture: got shape {array.shape}, expected one index for each of "
            f"the {space.num_layers} layers of {space.name!r}"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise UserError(f"architecture: got {array.dtype} values, expected integers")
    limits = np.asarray(space.num_ops)
    wrong = np.argwhere((array < 0) | (array >= limits))
    if wrong.size:
        layer = int(wrong[0][-1])
        raise UserError(
            f"architecture: got op {int(array[tuple(wrong[0])])} at layer {layer} of "
            f"{space.name!r}, expected 0 to {limits[layer] - 1}"
        )
    return array.astype(np.int32)


def arch_to_string(space: SearchSpace, arch: Any) -> str:
    """Writes an architecture, integers [L], as op names joined by `|`.

    Raises:
      UserError: as `check_archs`.
    """
    arch = check_archs(space, arch)
    names = (space.choices[layer][index] for layer, index in enumerate(arch.tolist()))
    return SEPARATOR.join(names)


def parse_arch(space: SearchSpace, value: Any) -> np.ndarray:
    """Reads an architecture from a JSON value: indices, op names, or a string.

    Args:
      space: the space.
      value: list of indices, list of op names, or the string of `arch_to_string`.

    Returns:
      int32 [L].

    Raises:
      UserError: the value is none of these, or names an unknown op.
    """
    if isinstance(value, str):
        value = value.split(SEPARATOR)
    if not isinstance(value, list | tuple):
        raise UserError(
            f"architecture: got {shown(value)}, expected a list of indices or a string "
            f"of op names joined by {SEPARATOR!r}"
        )
    if not all(isinstance(item, str) for item in value):
        if any(type(item) is not int for item in value):
            raise UserError(f"architecture: got {shown(value)}, expected integers")
        return check_archs(space, np.asarray(value))
    if len(value) != space.num_layers:
        raise UserError(
            f"architecture: got {len(value)} ops, expected {space.num_layers}, one for "
            f"each layer of {space.name!r}"
        )
    indices = []
    for layer, name in enumerate(value):
        if name not in space.choices[layer]:
            raise UserError(
                f"architecture: got op {shown(name)} at layer {layer} of "
                f"{space.name!r}, expected one of {', '.join(space.choices[layer])}"
                f"{did_you_mean(str(name), space.choices[layer])}"
            )
        indices.append(space.choices[layer].index(name))
    return np.asarray(indices, dtype=np.int32)


def read_archs(space: SearchSpace, path: str) -> np.ndarray:
    """Reads a JSON list of architectures (indices or strings) from a file.

    Args:
      space: the space.
      path: file name.

    Returns:
      int32 [P, L].

    Raises:
      MissingFileError: there is no such file.
      UserError: unreadable, not JSON, not a list, or a bad architecture (its place
        is named).
    """
    if not pathlib.Path(path).exists():
        raise MissingFileError(f"{path}: no such file of architectures")
    values = parse_json(read_bytes(path), str(path))
    if not isinstance(values, list) or not values:
        raise UserError(f"{path}: expected a JSON list with at least 1 architecture")
    archs = []
    for position, value in enumerate(values):
        try:
            archs.append(parse_arch(space, value))
        except ValueError as error:
            raise UserError(f"{path}, entry {position}: {error}") from None
    return np.stack(archs)
