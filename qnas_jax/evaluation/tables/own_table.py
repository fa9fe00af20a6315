"""A table of the user's own, from a CSV or npz file: no conversion beforehand.

Which column is what is said by options (`--config.table.<option>`, `OwnTableOptions`):

    source              file
    file                my_table.csv
    arch_columns        op_1, op_2, op_3      one column a layer, in order; or op_*
    validation_columns  val_acc               what searches see and select by
    test_columns        test_acc              what is reported; needed for a report
    seconds_columns     seconds               time of one evaluation; optional
    cost_columns        params, latency_ms    optional
    maximise            False                 where smaller values are better (a loss)

An op is a name or a number. A layer's ops are those that the file has in its column,
numbers in their order (and `nan` behind them), names in that of the alphabet. Equal
numbers are one op, however they are written (`1`, `1.0`). `op_names` gives another
order, or ops that the file lacks: `none, skip, conv` for all layers, or layer by layer
with semicolons. Archs may be missing: they score as failed evaluations. So do those
without a validation value (an empty cell; NaN in an npz file).

Several columns are several training runs of an arch: `val_a, val_b`, or `val_*`. Of
several test columns the mean counts. Several fidelities are named, the cheapest first:

    validation_columns  12: val_12; 200: val_200_a, val_200_b
    seconds_columns     12: seconds_12; 200: seconds_200

In an npz file one array may hold all layers [rows, L], or all runs [rows, R]; then its
name alone is enough.
"""

import dataclasses
import decimal
from collections.abc import Mapping

import numpy as np
from absl import logging

from qnas_jax.errors import UserError
from qnas_jax.evaluation.evaluator import ONE_FIDELITY
from qnas_jax.evaluation.tables.arch_columns import (
    NOT_A_NUMBER,
    archs_of,
    identity,
    mean_of_runs,
    read_ops,
    stack,
)
from qnas_jax.evaluation.tables.column_file import ColumnFile, read_columns
from qnas_jax.evaluation.tables.positions import check_size, index_of
from qnas_jax.evaluation.tables.sealed_test import SealedTest
from qnas_jax.evaluation.tables.table import Table
from qnas_jax.options import OptionError, Options, option
from qnas_jax.reading import printable
from qnas_jax.shipped import shipped_file
from qnas_jax.spaces import SearchSpace

ONLY_FIDELITY = ONE_FIDELITY[0]
"""Its name where columns are given without one."""


@dataclasses.dataclass(frozen=True)
class OwnTableOptions(Options):
    """Which column of a file is what.

    Columns are named as in its header, joined by commas; a name may have `*` for a
    group of columns (`op_*`).
    """

    file: str = option("", "own table: CSV or npz")
    arch_columns: tuple[str, ...] = option(
        (), "own table: one column a layer, holding its op", of=str
    )
    op_names: str = option(
        "", "own table: ops of all layers, or layer by layer with ;  empty: as found"
    )
    validation_columns: str = option("", "own table: what a search sees")
    test_columns: tuple[str, ...] = option(
        (), "own table: what is reported, mean over columns", of=str
    )
    seconds_columns: str = option("", "own table: time of an evaluation, if known")
    cost_columns: tuple[str, ...] = option(
        (), "own table: parameters, latency, ..., if known", of=str
    )
    maximise: bool = option(True, "own table: whether larger values are better")


def load_own_table(options: OwnTableOptions) -> Table:
    """Reads what a search may see.

    Args:
      options: the file and its columns, see above.

    Returns:
      The table, with values in the unit of the file.

    Raises:
      MissingFileError: there is no such file.
      OptionError: an option that does not fit the others.
      UserError: a damaged file, a column that it lacks, or a cell that is not as
        expected; one line says where.
    """
    file = read_columns(shipped_file(options.file))
    if file.left_out:
        left_out = ", ".join(file.left_out)
        logging.warning("%s: left out columns of row numbers: %s", file.path, left_out)
    space, places = _read_archs(file, options)
    groups = _by_fidelity("validation_columns", options.validation_columns)
    tested = file.find(options.test_columns, "table.test_columns")
    validation = {}
    for fidelity, names in groups.items():
        seen = file.find(names, "table.validation_columns")
        if set(seen) & set(tested):
            raise OptionError(
                "test_columns", options.test_columns, "columns that no search sees"
            )
        validation[fidelity] = stack(file, seen)
    if not any(np.isfinite(runs).any() for runs in validation.values()):
        raise UserError(f"{file.path}: got no validation value at all, expected some")
    seconds = _read_seconds(file, options, validation)
    costs = {}
    for name in file.find(options.cost_columns, "table.cost_columns"):
        costs[name] = _spread(space, places, _only_column(file, [name]))
    return Table(
        name=printable(file.path.stem),
        space=space,
        fidelities=tuple(groups),
        validation=tuple(_spread(space, places, validation[name]) for name in groups),
        train_seconds=tuple(
            _spread(space, places, seconds[name]) if name in seconds else None
            for name in groups
        ),
        costs=costs,
        maximise=options.maximise,
    )


def load_own_test(options: OwnTableOptions) -> SealedTest:
    """Reads the test values, means over the columns.

    Args:
      options: the file and its columns, see above.

    Returns:
      The test values, to be opened once.

    Raises:
      MissingFileError: there is no such file.
      OptionError: no test column is named.
      UserError: as for `load_own_table`.
    """
    if not options.test_columns:
        raise OptionError("test_columns", (), "the columns that are to be reported")
    file = read_columns(shipped_file(options.file))
    space, places = _read_archs(file, options)
    runs = stack(file, file.find(options.test_columns, "table.test_columns"))
    values = _spread(space, places, mean_of_runs(runs))
    return SealedTest(
        printable(file.path.stem), space, values, maximise=options.maximise
    )


def _read_archs(
    file: ColumnFile, options: OwnTableOptions
) -> tuple[SearchSpace, np.ndarray]:
    """The space, and the position of each row, int [rows]."""
    names = file.find(options.arch_columns, "table.arch_columns")
    columns = read_ops(file, names)
    choices = _choices(columns.ops, options.op_names)
    space = SearchSpace(printable(file.path.stem), choices)
    check_size(space)
    return space, index_of(space, archs_of(file, columns, choices))


def _choices(ops: np.ndarray, op_names: str) -> tuple[tuple[str, ...], ...]:
    """Names of the ops of each layer."""
    num_layers = ops.shape[1]
    if not op_names:
        return tuple(tuple(_in_order(column.tolist())) for column in ops.T)
    layers = [
        tuple(name.strip() for name in layer.split(","))
        for layer in op_names.split(";")
    ]
    if len(layers) == 1:
        layers *= num_layers
    repeated = any(len(set(map(identity, names))) < len(names) for names in layers)
    if len(layers) != num_layers or repeated or not all(map(all, layers)):
        raise OptionError(
            "op_names", op_names, f"different names, for all or for {num_layers} layers"
        )
    return tuple(layers)


def _in_order(names: list[str]) -> list[str]:
    """Each op once: numbers by their value, else names by the alphabet.

    An op goes by the shortest of its names. What is no number, `nan`, is last.
    """
    ops: dict[str | decimal.Decimal, str] = {}
    for name in sorted(set(names), key=lambda name: (len(name), name)):
        ops.setdefault(identity(name), name)
    numbers = [op for op in ops if isinstance(op, decimal.Decimal)]
    if len(numbers) + (NOT_A_NUMBER in ops) < len(ops) or not numbers:
        return sorted(ops.values())
    return [ops[op] for op in sorted(numbers)] + [
        name for op, name in ops.items() if op == NOT_A_NUMBER
    ]


def _by_fidelity(option: str, columns: str) -> dict[str, list[str]]:
    """Columns by the name of the fidelity, from `12: a, b; 200: c` or from `a, b`."""
    parts = [part.strip() for part in columns.split(";")]
    if len(parts) == 1 and ":" not in columns:
        return {ONLY_FIDELITY: _names(columns)}
    found = {}
    for part in parts:
        name, colon, names = (word.strip() for word in part.partition(":"))
        if not name or not names or name in found:
            raise OptionError(
                option,
                columns,
                "columns by fidelity such as 12: val_12; 200: val_a, val_b",
            )
        found[name] = _names(names)
    return found


def _names(columns: str) -> list[str]:
    return [name.strip() for name in columns.split(",")]


def _only_column(file: ColumnFile, names: list[str]) -> np.ndarray:
    """A column float64 [rows] of one number an arch."""
    numbers = stack(file, names)
    if numbers.shape[1] != 1:
        raise UserError(
            f"{file.path}, column {', '.join(names)}: got {numbers.shape[1]} numbers "
            "an arch, expected one"
        )
    return numbers[:, 0]


def _read_seconds(
    file: ColumnFile, options: OwnTableOptions, validation: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Times by fidelity, float64 [rows], where they are given."""
    if not options.seconds_columns:
        return {}
    groups = _by_fidelity("seconds_columns", options.seconds_columns)
    if not set(groups) <= set(validation):
        raise OptionError(
            "seconds_columns",
            options.seconds_columns,
            "fidelities of validation_columns: " + ", ".join(validation),
        )
    seconds = {}
    for fidelity, names in groups.items():
        times = _only_column(file, file.find(names, "table.seconds_columns"))
        evaluated = np.isfinite(validation[fidelity]).any(axis=1)
        wrong = np.flatnonzero(evaluated & ~(times >= 0))
        if wrong.size:
            raise UserError(
                f"{file.path}, {file.rows[wrong[0]]}, column {names[0]}: got no time "
                "of 0 seconds or more, expected one, as the arch has a validation value"
            )
        seconds[fidelity] = times
    return seconds


def _spread(space: SearchSpace, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows of a file at their positions, float64 [N, ...]; NaN where there is none."""
    table = np.full((space.size, *values.shape[1:]), np.nan)
    table[places] = values
    return table
