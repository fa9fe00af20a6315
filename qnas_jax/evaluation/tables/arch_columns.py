"""Columns of ops as archs: what tables and truths of the user's own have in common."""

import decimal
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.column_file import ColumnFile

NOT_A_NUMBER = "nan"


class OpColumns(NamedTuple):
    """The ops of a file.

    Attributes:
      ops: as written, str [rows, L].
      layers: the column of each layer, L names.
    """

    ops: np.ndarray
    layers: tuple[str, ...]


def read_ops(file: ColumnFile, names: Sequence[str]) -> OpColumns:
    """Reads columns of ops.

    Args:
      file: the file.
      names: of columns that it has, in the order of the layers.

    Returns:
      The ops; a column of an npz file may hold several layers.

    Raises:
      UserError: a cell without an op.
    """
    ops = np.concatenate([file.ops(name) for name in names], axis=1)
    layers = [name for name in names for _ in range(file.columns[name].shape[1])]
    return OpColumns(ops, tuple(layers))


def archs_of(
    file: ColumnFile, columns: OpColumns, choices: Sequence[Sequence[str]]
) -> np.ndarray:
    """The arch of each row.

    Args:
      file: where the ops were read.
      columns: L of them.
      choices: names of the ops of each of L layers.

    Returns:
      int32 [rows, L].

    Raises:
      UserError: an op that is none of its layer's, or an arch that is there twice.
    """
    archs = np.empty(columns.ops.shape, np.int32)
    for layer, known in enumerate(choices):
        numbers = {identity(name): number for number, name in enumerate(known)}
        names, rows = np.unique(columns.ops[:, layer], return_inverse=True)
        found = np.array([numbers.get(identity(str(name)), -1) for name in names])
        archs[:, layer] = found[rows]
        unknown = np.flatnonzero(archs[:, layer] < 0)
        if unknown.size:
            row = unknown[0]
            raise UserError(
                f"{file.path}, {file.rows[row]}, column {columns.layers[layer]}: got "
                f"op {str(columns.ops[row, layer])!r}, expected one of "
                f"{', '.join(known)}"
            )
    _check_once(file, archs)
    return archs


def _check_once(file: ColumnFile, archs: np.ndarray) -> None:
    """Raises UserError if an arch [L] is there twice."""
    _, first, own = np.unique(archs, axis=0, return_index=True, return_inverse=True)
    earliest = first[own.ravel()]
    again = np.flatnonzero(earliest < np.arange(len(archs)))
    if again.size:
        row = again[0]
        raise UserError(
            f"{file.path}, {file.rows[row]}: got the arch of "
            f"{file.rows[earliest[row]]} again, expected each arch once; several runs "
            "are several columns"
        )


def identity(op: str) -> str | decimal.Decimal:
    """What is equal for equal ops: the exact value of a number, else the name."""
    try:
        number = decimal.Decimal(op)
    except decimal.InvalidOperation:
        return op
    return NOT_A_NUMBER if number.is_nan() else number


def stack(file: ColumnFile, names: Sequence[str]) -> np.ndarray:
    """Columns of numbers beside each other, float64 [rows, W]."""
    return np.concatenate([file.numbers(name) for name in names], axis=1)


def mean_of_runs(runs: np.ndarray) -> np.ndarray:
    """Means of the numbers that are there, float64 [rows, W] to [rows], else NaN."""
    known = np.isfinite(runs)
    counts = known.sum(axis=1)
    total = np.where(known, runs, 0).sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
