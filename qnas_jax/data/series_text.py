"""Series in text files: one a row with its class in front, or the `.ts` format.

`.csv`, `.tsv`, `.txt`: cells are separated by commas, semicolons or tabs, whichever the
first line has most of (`.tsv`: tabs; `.txt`: also by any number of spaces). An empty
cell, `?`, `NA` or `NaN` is a missing value; a row that ends early, or in missing cells,
is a shorter series. A first line without any number behind its first cell is a header.
This is also the form of the UCR archive of 2018.

`.ts`: the format of sktime, aeon and the archives' newer editions: a header of `@`
lines, then a series a line, its channels and at last its class separated by colons.
"""

import csv
import io
import math
import pathlib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from qnas_jax.data.series import LabelledSeries
from qnas_jax.errors import UserError
from qnas_jax.options import shown
from qnas_jax.reading import read_text, reason

SUFFIXES = (".csv", ".tsv", ".txt", ".ts")
_DELIMITERS = {".csv": ",;\t", ".tsv": "\t", ".txt": ",;\t "}
_LARGEST = float(np.finfo(np.float32).max)
_MISSING = frozenset(("", "?", "na", "nan"))


def read_series_text(path: pathlib.Path, *, labelled: bool = True) -> LabelledSeries:
    """Reads a file of one of `SUFFIXES`.

    Args:
      path: of the file.
      labelled: whether the first cell of a row is a class; in a `.ts` file the last
        always is. Without, classes are "".

    Returns:
      Its series.

    Raises:
      MissingFileError: it is not there.
      UserError: it is no such file; one line names file and line.
    """
    text = read_text(path)
    try:
        if path.suffix.lower() == ".ts":
            return _read_ts(text)
        return _read_rows(text, _DELIMITERS[path.suffix.lower()], labelled)
    except UserError as error:
        raise UserError(f"{path}, {error}") from error


def label_in_words(label: str) -> str:
    """A class on one line, a whole number without point or plus.

    Raises:
      UserError: it is no class, but nothing, or a number that is not whole.
    """
    label = label.strip()
    if re.fullmatch(r"[+-]?\d{1,18}", label):
        return str(int(label))
    try:
        number = float(label.replace("_", " "))
    except ValueError:
        number = math.nan
    if label.lower() not in _MISSING and math.isnan(number):
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in label)
    if not number.is_integer():
        raise UserError(
            f"got {shown(label)} as the class, expected a word or a whole number in "
            "front of each series"
        )
    return str(int(number))


def _read_rows(text: str, delimiters: str, labelled: bool) -> LabelledSeries:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(delimiters, key=first.strip().count)
    if delimiter == " ":
        text = "\n".join(line.strip() for line in text.splitlines())
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=delimiter == " ",
        strict=True,
    )
    series: list[np.ndarray] = []
    labels: list[str] = []
    notes: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            where = f"line {reader.line_num}"
            cells = row[labelled:]
            if not series and _is_header(cells):
                notes.append("the first line is taken as a header")
                continue
            try:
                labels.append(label_in_words(row[0]) if labelled else "")
                values = _numbers(cells)
            except UserError as error:
                raise UserError(f"{where}: {error}") from error
            series.append(_without_end(values, where)[:, None])
    except csv.Error as error:
        raise UserError(
            f"line {reader.line_num}: not separated values ({reason(error)})"
        ) from None
    if not series:
        form = ", its class first" if labelled else ""
        raise UserError(f"line 1: got no series, expected one a line{form}")
    return LabelledSeries(series, labels, notes=tuple(notes))


def _is_header(values: Sequence[str]) -> bool:
    """Names of columns: nothing is a number or missing."""
    cells = [cell.strip() for cell in values]
    return bool(cells) and not any(
        cell.lower() in _MISSING or _is_number(cell) for cell in cells
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _without_end(values: np.ndarray, where: str) -> np.ndarray:
    """The series without the missing values at its end."""
    there = np.flatnonzero(~np.isnan(values))
    if not len(there):
        raise UserError(f"{where}: got a series without a value, expected numbers")
    return values[: there[-1] + 1]


def _numbers(cells: Sequence[str]) -> np.ndarray:
    """Cells as float32 [T], NaN where one is missing.

    Raises:
      UserError: a cell that is neither a finite number nor missing.
    """
    numbers = np.empty(len(cells), np.float32)
    for place, cell in enumerate(cells):
        stripped = cell.strip()
        if stripped.lower() in _MISSING:
            numbers[place] = np.nan
            continue
        try:
            value = float(stripped)
        except ValueError:
            value = math.inf
        if not abs(value) <= _LARGEST or "_" in stripped:
            raise UserError(
                f"value {place + 1}: got {shown(stripped)}, expected a finite number, "
                "or nothing where it is missing"
            )
        numbers[place] = value
    return numbers


def _read_ts(text: str) -> LabelledSeries:
    lines = enumerate(text.splitlines(), start=1)
    classes = _ts_header(lines)
    series: list[np.ndarray] = []
    labels: list[str] = []
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"line {number}"
        *channels, label = line.split(":")
        try:
            label = label_in_words(label)
            if classes and label not in classes:
                raise UserError(
                    f"got the class {shown(label)}, expected one of "
                    f"{', '.join(classes)} as @classLabel says"
                )
            series.append(_together(channels))
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
        labels.append(label)
        if series[-1].shape[1] != series[0].shape[1]:
            raise UserError(
                f"{where}: got {series[-1].shape[1]} channels, expected "
                f"{series[0].shape[1]} as in the first series"
            )
    if not series:
        raise UserError("line 1: got no series, expected one a line behind @data")
    return LabelledSeries(series, labels, classes)


def _ts_header(lines: Iterator[tuple[int, str]]) -> tuple[str, ...]:
    """Reads up to `@data`; the classes that are declared."""
    classes: tuple[str, ...] = ()
    for number, line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key, values = words[0].lower(), words[1:]
        if key == "@data":
            return classes
        if not key.startswith("@"):
            raise UserError(
                f"line {number}: got {shown(line)}, expected a header line with @, or "
                "@data before the first series"
            )
        if key == "@timestamps" and values[:1] != ["false"]:
            raise UserError(
                f"line {number}: got series with timestamps, expected values at equal "
                "distances and @timeStamps false"
            )
        if key == "@classlabel":
            if values[:1] != ["true"]:
                raise UserError(
                    f"line {number}: got series without classes, expected @classLabel "
                    "true and the classes"
                )
            try:
                classes = tuple(map(label_in_words, values[1:]))
            except UserError as error:
                raise UserError(f"line {number}: {error}") from error
        if key == "@targetlabel":
            raise UserError(
                f"line {number}: got series with numbers to be told (@targetLabel), "
                "expected classes"
            )
    raise UserError("line 1: got no @data, expected a header that ends with it")


def _together(channels: Sequence[str]) -> np.ndarray:
    """The channels of a series, float32 [T, C]; shorter ones end in NaN."""
    if not channels:
        raise UserError("got no colon, expected values, a colon and the class")
    columns = []
    for number, channel in enumerate(channels, start=1):
        try:
            columns.append(_numbers(channel.split(",")))
        except UserError as error:
            where = f"channel {number}, " if len(channels) > 1 else ""
            raise UserError(f"{where}{error}") from error
    length = max(map(len, columns))
    series = np.full((length, len(columns)), np.nan, np.float32)
    for place, column in enumerate(columns):
        series[: len(column), place] = column
    there = np.flatnonzero(~np.isnan(series).all(axis=1))
    if not len(there):
        raise UserError("got a series without a value, expected numbers")
    return series[: there[-1] + 1]
