"""What architectures are known to reach: the truth of rankings.

Published benchmarks, or a table of the user's own: a file that benchmarks read
(`tables/own_table.py`), with a column of ops a layer. Ops go by the names that the
space has for them, or by their numbers in it. Architectures may be missing, and those
without a value count as missing.
"""

from collections.abc import Sequence

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.arch_columns import (
    OpColumns,
    archs_of,
    mean_of_runs,
    read_ops,
    stack,
)
from qnas_jax.evaluation.tables.column_file import ColumnFile, read_columns
from qnas_jax.evaluation.tables.nas_bench_201 import SPACE, load_nas_bench_201_test
from qnas_jax.evaluation.tables.nas_bench_macro import read_macro
from qnas_jax.evaluation.tables.positions import archs_at
from qnas_jax.shipped import shipped_file
from qnas_jax.spaces import SearchSpace

_FEWEST = 3  # architectures that have an order worth a number


def read_macro_truth(data_dir: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads NAS-Bench-Macro: every architecture with its trained accuracy.

    Args:
      data_dir: folder that holds `nas_bench_macro/nas_bench_macro.npz`.

    Returns:
      archs int32 [6561, 8] and the mean test accuracy of three trainings [6561], in
      [0, 1].

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged.
    """
    archs, arrays = read_macro(data_dir, ("test_acc",))
    return archs, arrays["test_acc"].mean(axis=1) / 100.0


def read_201_truth(data_dir: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads NAS-Bench-201: every cell with its accuracy on CIFAR-10.

    Args:
      data_dir: folder that holds `nas_bench_201/nas_bench_201.npz`.

    Returns:
      archs int32 [15625, 6] and the mean test accuracy of the trainings of 200 epochs
      [15625], in [0, 1]: what published rankings of supernets are held against. No
      search sees it.

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged.
    """
    archs = archs_at(SPACE, np.arange(SPACE.size))
    return archs, load_nas_bench_201_test(data_dir).open(archs).astype(np.float64)


TRUTHS = {"nas_bench_macro": read_macro_truth, "nas_bench_201": read_201_truth}
"""By the name of the space: data folder -> archs and their accuracies."""


def read_own_truth(
    file: str,
    space: SearchSpace,
    *,
    arch_columns: Sequence[str] = ("op_*",),
    columns: Sequence[str] = ("test_*",),
) -> tuple[np.ndarray, np.ndarray]:
    """Reads accuracies.

    Args:
      file: CSV or npz.
      space: what the file is about.
      arch_columns: one a layer, in order; `*` stands for any letters.
      columns: accuracies from 0 to 1, or in percent, of which the mean is taken.

    Returns:
      archs int32 [N, L] in the order of the file, and their accuracy float64 [N], in
      [0, 1]; N >= 3.

    Raises:
      MissingFileError: there is no such file.
      UserError: the file is damaged or about another space, lacks a column, has fewer
        than three values, or values that are no accuracies.
    """
    table = read_columns(shipped_file(file))
    ops = read_ops(table, table.find(arch_columns, "rank.truth_archs"))
    if len(ops.layers) != space.num_layers:
        raise UserError(
            f"{table.path}: got {len(ops.layers)} columns of ops, expected "
            f"{space.num_layers}, one for each layer of space {space.name!r}; set "
            "rank.truth_archs, or space.name"
        )
    archs = archs_of(table, ops, _names_in_file(ops, space))
    truth = mean_of_runs(stack(table, table.find(columns, "rank.truth_columns")))
    known = np.isfinite(truth)
    if known.sum() < _FEWEST:
        raise UserError(
            f"{table.path}: got accuracies of {known.sum()} architectures, expected at "
            f"least {_FEWEST}"
        )
    return archs[known], _as_shares(table, truth[known])


def _names_in_file(ops: OpColumns, space: SearchSpace) -> Sequence[Sequence[str]]:
    """What a file calls the ops of each layer: their names, or their numbers."""
    numbered = np.char.isdigit(ops.ops).all()
    if numbered and not any(
        name.isdigit() for names in space.choices for name in names
    ):
        return [list(map(str, range(len(names)))) for names in space.choices]
    return space.choices


def _as_shares(file: ColumnFile, truth: np.ndarray) -> np.ndarray:
    """Accuracies in [0, 1] of ones that may be in percent."""
    if truth.min() < 0 or truth.max() > 100:
        wrong = truth.min() if truth.min() < 0 else truth.max()
        raise UserError(
            f"{file.path}: got an accuracy of {wrong:g}, expected values from 0 to 1, "
            "or from 0 to 100; set rank.truth_columns"
        )
    return truth / 100 if truth.max() > 1 else truth
