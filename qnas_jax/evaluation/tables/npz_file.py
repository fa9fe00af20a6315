"""Reads the arrays of a benchmark's table; what is wrong with the file is one line."""

import pathlib
from collections.abc import Iterable

import numpy as np

from qnas_jax.errors import MissingFileError
from qnas_jax.reading import read_npz


def read_archive(
    path: pathlib.Path, names: Iterable[str] | None, *, table: str, source: str
) -> dict[str, np.ndarray]:
    """Reads arrays of an npz file.

    Args:
      path: the file.
      names: the arrays wanted; None: all.
      table: what the file should be, for errors.
      source: where to get it, for the error if it is missing.

    Returns:
      The arrays [...] by name, as the file has them.

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged or lacks an array.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file, expected {table}; {source}")
    return read_npz(path, names, what=table)
