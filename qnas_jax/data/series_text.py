"""Series in text files: one a row with its class in front, steps, or the `.ts` format.

`.csv`, `.tsv`, `.txt`: cells are separated by commas, semicolons or tabs, whichever the
first line has most of (`.tsv`: tabs; `.txt`: also by any number of spaces). An empty
cell, `?`, `NA` or `NaN` is a missing value; a row that ends early, or in missing cells,
is a shorter series. A first line without any number behind its first cell is a header.
This is also the form of the UCR archive of 2018. A header that names a column
`series_id` says that rows are steps, of several channels perhaps (`series_steps.py`).

`.ts`: the format of sktime, aeon and the archives' newer editions: a header of `@`
lines, then a series a line, its channels and at last its class separated by colons.
"""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from qnas_jax.data.separated import DELIMITERS, rows_of
from qnas_jax.data.series import LabelledSeries
from qnas_jax.data.series_cells import (
    is_header,
    label_in_words,
    numbers_of,
    without_end,
)
from qnas_jax.data.series_steps import has_steps, read_steps
from qnas_jax.errors import UserError
from qnas_jax.options import shown
from qnas_jax.reading import read_text

SUFFIXES = (*DELIMITERS, ".ts")


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
        return _read_rows(rows_of(text, path.suffix.lower()), labelled)
    except UserError as error:
        raise UserError(f"{path}, {error}") from error


def _read_rows(rows: Iterator[tuple[int, list[str]]], labelled: bool) -> LabelledSeries:
    series: list[np.ndarray] = []
    labels: list[str] = []
    notes: list[str] = []
    for line, row in rows:
        cells = row[labelled:]
        if not series and not notes and has_steps(row):
            return read_steps(row, rows, labelled)
        if not series and is_header(cells):
            notes.append("the first line is taken as a header")
            continue
        try:
            labels.append(label_in_words(row[0]) if labelled else "")
            values = numbers_of(cells)
        except UserError as error:
            raise UserError(f"line {line}: {error}") from error
        series.append(without_end(values, f"line {line}")[:, None])
    if not series:
        form = ", its class first" if labelled else ""
        raise UserError(f"line 1: got no series, expected one a line{form}")
    return LabelledSeries(series, labels, notes=tuple(notes))


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
            columns.append(numbers_of(channel.split(",")))
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
