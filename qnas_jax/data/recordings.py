"""Recordings in folders of their classes, a file each: what sensors leave behind.

`<path>/train/<class>/*.csv` (with `test`, `valid`), or `<path>/<class>/*.csv`, whose
file has a step a line and a column a channel; `.tsv` and `.txt` too. A first line of
names is a header; of its columns a time, and one without a name, are no channels. Steps
stay in the order of the lines. A file of a single line is a series of one channel.
"""

import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from qnas_jax.data.class_folders import (
    Example,
    Listing,
    Wanted,
    files_below,
    list_folder,
)
from qnas_jax.data.separated import DELIMITERS, rows_of
from qnas_jax.data.series import LabelledSeries
from qnas_jax.data.series_cells import TIMES, is_header, numbers_of
from qnas_jax.data.split_names import SPLITS
from qnas_jax.errors import UserError
from qnas_jax.reading import printable, read_text

_WANTED = Wanted(
    suffixes=frozenset(DELIMITERS),
    examples="recordings",
    missing=f"no recording ({', '.join(sorted(DELIMITERS))})",
    others=f"files that are not {', '.join(sorted(DELIMITERS))}",
)


class Recording(NamedTuple):
    """A series as a file has it.

    Attributes:
      series: float32 [T, C], NaN where a value is missing; the last step has one.
      channels: their names, where the file has any.
      notes: what a user should know of how it was read.
    """

    series: np.ndarray
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_class_folders(folder: pathlib.Path) -> dict[str, LabelledSeries]:
    """Reads the recordings of each split.

    Args:
      folder: with class folders, or with folders of splits that have these.

    Returns:
      The series by split, `train` among them.

    Raises:
      UserError: a class without a recording, a file that is none, or files of different
        channels; one line names the folder, or file and line.
    """
    listing = list_folder(folder, _WANTED)
    read = [(each, read_recording(each.path)) for each in listing.examples]
    _check_alike(read)
    by_split: dict[str, LabelledSeries] = {}
    for split in SPLITS:
        own = [(each, found) for each, found in read if each.split == split]
        if own:
            by_split[split] = _labelled(listing, own)
    return by_split


def recordings_below(folder: pathlib.Path) -> list[tuple[str, Recording]]:
    """Reads all recordings below a folder, of whatever class.

    Args:
      folder: in which they lie, at any depth.

    Returns:
      Their paths in the folder, sorted, and what they are.

    Raises:
      UserError: there is none, or a file is no recording.
    """
    paths = sorted(
        path
        for path in files_below(folder)
        if path.suffix.lower() in DELIMITERS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not paths:
        raise UserError(f"{folder}: {_WANTED.missing} in it")
    return [
        (printable(path.relative_to(folder)), read_recording(path)) for path in paths
    ]


def read_recording(path: pathlib.Path) -> Recording:
    """Reads a file with a step a line.

    Raises:
      MissingFileError: it is not there.
      UserError: it is no such file; one line names file and line.
    """
    text = read_text(path)
    try:
        return _read(rows_of(text, path.suffix.lower()))
    except UserError as error:
        raise UserError(f"{path}, {error}") from error


def _read(rows: Iterable[tuple[int, list[str]]]) -> Recording:
    header: list[str] = []
    steps: list[np.ndarray] = []
    before = 0
    for line, row in rows:
        if not header and not steps and _is_header(row):
            header, before = row, line
            continue
        width = len(header) or (len(steps[0]) if steps else len(row))
        if len(row) != width:
            raise UserError(
                f"line {line}: got {len(row)} cells, expected {width} as before: a "
                "step a line, a column a channel"
            )
        if steps and line != before + 1:
            raise UserError(
                f"line {before + 1}: got nothing within a recording, expected a step, "
                "or NaN where it is missing"
            )
        steps.append(_step(row, header, line))
        before = line
    if not steps:
        raise UserError("line 1: got no step, expected one a line, a column a channel")
    return _recording(header, np.stack(steps))


def _is_header(row: list[str]) -> bool:
    """Names of columns, of which the first, of row numbers, may have none."""
    return is_header(row) or (not row[0].strip() and is_header(row[1:]))


def _step(row: list[str], header: list[str], line: int) -> np.ndarray:
    """Values of a line, float32 [columns]; NaN in those that are no channels."""
    channels = _channels(header, len(row))
    try:
        cells = [cell if n in channels else "" for n, cell in enumerate(row)]
        return numbers_of(cells)
    except UserError as error:
        raise UserError(f"line {line}: {error}") from error


def _channels(header: list[str], width: int) -> list[int]:
    """The places of the columns that are channels."""
    if not header:
        return list(range(width))
    names = [name.strip().lower() for name in header]
    return [n for n, name in enumerate(names) if name and name not in TIMES]


def _recording(header: list[str], steps: np.ndarray) -> Recording:
    """Keeps the columns of channels, float32 [T, columns] to [T' <= T, C]."""
    channels = _channels(header, steps.shape[1])
    names = tuple(header[n].strip().lower() for n in channels if header)
    if not channels or len(set(names)) < len(names):
        raise UserError(
            f"line 1: got columns {', '.join(map(printable, header))}, expected "
            "channels, each of a name of its own"
        )
    notes: tuple[str, ...] = ("the first line is taken as a header",) if header else ()
    if len(channels) < steps.shape[1]:
        notes += ("a column of times is left out: steps are in the order of lines",)
    series = steps[:, channels]
    if len(series) == 1 and not header and series.size > 1:
        series = series.T
        notes += ("a single line is taken as the steps of one channel",)
    there = np.flatnonzero(~np.isnan(series).all(axis=1))
    if not len(there):
        raise UserError("line 1: got no value, expected numbers")
    return Recording(series[: there[-1] + 1], names, notes)


def _check_alike(read: list[tuple[Example, Recording]]) -> None:
    """Raises UserError if files have different channels."""
    first, wanted = read[0]
    for each, found in read:
        width, others = found.series.shape[1], wanted.series.shape[1]
        if width != others:
            raise UserError(
                f"{each.path}: got {width} channels, expected {others} as in "
                f"{first.path}"
            )
        if found.channels and not wanted.channels:
            first, wanted = each, found
        if found.channels and found.channels != wanted.channels:
            raise UserError(
                f"{each.path}: got channels {', '.join(found.channels)}, expected "
                f"{', '.join(wanted.channels)} as in {first.path}"
            )


def _labelled(listing: Listing, own: list[tuple[Example, Recording]]) -> LabelledSeries:
    """The recordings of a split."""
    notes = [note for _, found in own for note in found.notes]
    return LabelledSeries(
        [found.series for _, found in own],
        [printable(listing.classes[each.label]) for each, _ in own],
        notes=(*listing.notes(), *dict.fromkeys(notes)),
    )
