"""Files of named columns, CSV or npz, as the user's own table is kept in.

CSV: a header, then one arch a line; cells are separated by commas, semicolons or tabs,
whichever the header has most of. An empty cell is a missing number. Columns of row
numbers that pandas writes in front, without a name or as `Unnamed: 0`, are left out.

npz: one array a column, [rows], or [rows, W] for W columns under one name. NaN is a
missing number.
"""

import csv
import dataclasses
import fnmatch
import io
import math
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.evaluation.tables.npz_file import read_archive
from qnas_jax.options import shown
from qnas_jax.reading import read_bytes, reason

_TABLE = "a table with one row an arch"
_NAMED_BY_PANDAS = re.compile(r"Unnamed: \d+(_level_\d+)?(\.\d+)?")


@dataclasses.dataclass(frozen=True, eq=False)
class ColumnFile:
    """What is in a file, not yet read as ops or numbers.

    Attributes:
      path: the file.
      columns: by name [rows, W], text or numbers.
      rows: where each row is found, for errors: "line 2".
      left_out: names of columns of row numbers.
    """

    path: pathlib.Path
    columns: dict[str, np.ndarray]
    rows: Sequence[str]
    left_out: tuple[str, ...] = ()

    def find(self, names: Sequence[str], option: str) -> list[str]:
        """Names of columns that a list of names and patterns stands for.

        Args:
          names: `*` and `?` in them stand for any letters and any letter.
          option: where the names come from, with its group.

        Returns:
          The names, those of a pattern in the order of the file.

        Raises:
          UserError: there is no such column, or one is named twice.
        """
        found: list[str] = []
        for name in names:
            own = [name] if name in self.columns else self._matching(name)
            if not own:
                raise UserError(
                    f"{self.path}: got no column {name!r}, expected one of "
                    f"{', '.join(self.columns)}; set {option}"
                )
            found += own
        if len(set(found)) < len(found):
            raise UserError(f"{self.path}: got a column twice in {', '.join(names)}")
        return found

    def _matching(self, pattern: str) -> list[str]:
        return [name for name in self.columns if fnmatch.fnmatchcase(name, pattern)]

    def ops(self, name: str) -> np.ndarray:
        """A column as names of ops, str [rows, W].

        Raises:
          UserError: a cell without an op.
        """
        values = self.columns[name]
        if values.dtype.kind == "f":
            whole = np.isfinite(values) & (np.mod(values, 1) == 0)
            self._check(whole, name, "the name or the whole number of an op")
            values = values.astype(np.int64)
        texts = np.char.strip(values.astype(str))
        self._check(texts != "", name, "the name or the number of an op")
        return texts

    def numbers(self, name: str) -> np.ndarray:
        """A column as numbers, float64 [rows, W], NaN where one is missing.

        Raises:
          UserError: a cell that is no finite number.
        """
        values = self.columns[name]
        if values.dtype.kind == "U":
            numbers = np.array([[_number(cell) for cell in row] for row in values])
            missing = np.char.strip(values) == ""
        elif values.dtype.kind in "fiu":
            numbers = values.astype(np.float64)
            missing = np.isnan(numbers)
        else:
            raise UserError(
                f"{self.path}, column {name}: got {values.dtype} values, expected "
                "numbers"
            )
        self._check(missing | np.isfinite(numbers), name, "a finite number, or nothing")
        return np.where(missing, np.nan, numbers)

    def _check(self, good: np.ndarray, name: str, expected: str) -> None:
        wrong = np.argwhere(~good)
        if wrong.size:
            row, place = wrong[0]
            got = shown(self.columns[name][row, place].item())
            raise UserError(
                f"{self.path}, {self.rows[row]}, column {name}: got {got}, expected "
                f"{expected}"
            )


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def read_columns(path: str | pathlib.Path) -> ColumnFile:
    """Reads a CSV or npz file.

    Args:
      path: the file; .csv, .tsv or .npz.

    Returns:
      Its columns.

    Raises:
      MissingFileError: there is no such file.
      UserError: another kind of file, a damaged one, or one without rows.
    """
    path = pathlib.Path(path).expanduser()
    if path.suffix not in (".csv", ".tsv", ".npz"):
        raise UserError(f"file: got {path}, expected a .csv, .tsv or .npz file")
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file, expected {_TABLE}")
    return _read_npz(path) if path.suffix == ".npz" else _read_csv(path)


def _read_csv(path: pathlib.Path) -> ColumnFile:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8: {reason(error)}") from None
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader, [])]
        lines = [
            (f"line {reader.line_num}", row)
            for row in reader
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise UserError(
            f"{path}, line {reader.line_num}: not CSV ({reason(error)})"
        ) from None
    numbered = _columns_of_row_numbers(header)
    names = [
        f"Unnamed: {place}" if place in numbered else name
        for place, name in enumerate(header)
    ]
    if not names or len(set(names)) < len(names) or not all(names):
        raise UserError(
            f"{path}, line 1: got the header {', '.join(header)!r}, expected a "
            "different name for each column"
        )
    for line, row in lines:
        if len(row) != len(names):
            raise UserError(
                f"{path}, {line}: got {len(row)} cells, expected {len(names)} as in "
                "the header"
            )
    if not lines:
        raise UserError(f"{path}: got no rows, expected one an arch")
    # One by one: an array of text is as wide as its longest cell.
    columns = {
        name: np.array([[row[place]] for _, row in lines], dtype=str)
        for place, name in enumerate(names)
        if place not in numbered
    }
    left_out = tuple(names[place] for place in numbered)
    return ColumnFile(path, columns, [line for line, _ in lines], left_out)


def _columns_of_row_numbers(header: list[str]) -> list[int]:
    """Places of the columns in front that only pandas has named."""
    named = [
        place
        for place, name in enumerate(header)
        if name and not _NAMED_BY_PANDAS.fullmatch(name)
    ]
    return list(range(min(named, default=0)))


def _read_npz(path: pathlib.Path) -> ColumnFile:
    arrays = read_archive(path, None, table=_TABLE, source="check the path")
    lengths = {array.shape[:1] for array in arrays.values()}
    if len(lengths) != 1 or lengths & {(), (0,)}:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise UserError(
            f"{path}: got arrays {shapes or 'none'}, expected all with one row an arch"
        )
    for name, array in arrays.items():
        if array.ndim > 2 or not array.size:
            raise UserError(
                f"{path}, column {name}: got shape {array.shape}, expected (rows,) or "
                "(rows, columns)"
            )
    (length,) = lengths.pop()
    columns = {name: array.reshape(length, -1) for name, array in arrays.items()}
    return ColumnFile(path, columns, [f"row {row}" for row in range(length)])
