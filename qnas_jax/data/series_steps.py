"""Series in rows of steps: a row has one step of one series, a column a channel.

A header names the columns: `series_id`, perhaps `time`, a class (`label`), and all
others are channels. Steps of a series are put in the order of their time, else they
stay in that of the rows; series may have different numbers of them.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from qnas_jax.data.series import LabelledSeries
from qnas_jax.data.series_cells import TIMES, is_header, label_in_words, numbers_of
from qnas_jax.errors import UserError
from qnas_jax.options import shown

_IDS = frozenset(("series_id", "sample_id", "recording_id", "id"))
_CLASSES = frozenset(("label", "class", "target"))


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Which column is what; None: there is none of this kind."""

    series: int
    time: int | None
    label: int | None
    channels: tuple[int, ...]


@dataclasses.dataclass
class _Series:
    """What was found of one series: its class, and time and values of each step."""

    label: str
    times: list[float]
    values: list[np.ndarray]


def has_steps(header: Sequence[str]) -> bool:
    """Whether a first row says that rows are steps: it names a column of series."""
    return is_header(header) and any(name in _IDS for name in _names(header))


def read_steps(
    header: Sequence[str], rows: Iterable[tuple[int, list[str]]], labelled: bool
) -> LabelledSeries:
    """Puts steps together.

    Args:
      header: names of the columns.
      rows: line and cells of each step.
      labelled: whether there must be a column of classes; else it is not looked at.

    Returns:
      The series in the order in which they begin.

    Raises:
      UserError: one line names the line, or the series.
    """
    columns = _columns(header, labelled)
    found: dict[str, _Series] = {}
    for line, row in rows:
        try:
            _add(found, row, len(header), columns)
        except UserError as error:
            raise UserError(f"line {line}: {error}") from error
    if not found:
        raise UserError("line 1: got a header alone, expected a step a line behind it")
    series = [_in_order(name, each) for name, each in found.items()]
    channels = tuple(_names(header)[place] for place in columns.channels)
    labels = [each.label for each in found.values()]
    note = f"a row is a step of a series, with channels {', '.join(channels)}"
    return LabelledSeries(series, labels, notes=(note,), channels=channels)


def _names(header: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in header]


def _columns(header: Sequence[str], labelled: bool) -> _Columns:
    """Finds the columns by their names.

    Raises:
      UserError: one is missing, or there are two of a kind or name.
    """
    names = _names(header)
    places: dict[str, int | None] = {}
    for what, known in (("series", _IDS), ("time", TIMES), ("class", _CLASSES)):
        named = [place for place, name in enumerate(names) if name in known]
        if len(named) > 1:
            both = " and ".join(names[place] for place in named[:2])
            raise UserError(f"line 1: got columns {both}, expected one of the {what}")
        places[what] = named[0] if named else None
    channels = tuple(n for n in range(len(names)) if n not in places.values())
    if labelled and places["class"] is None:
        raise UserError(
            f"line 1: got columns {', '.join(names)}, expected one that is called "
            f"{' or '.join(sorted(_CLASSES))}"
        )
    if not channels or len({names[n] for n in channels}) < len(channels):
        raise UserError(
            f"line 1: got columns {', '.join(names)}, expected channels beside those "
            "of series, time and class, each of a name of its own"
        )
    series = places["series"]
    assert series is not None  # `has_steps` says so.
    label = places["class"] if labelled else None
    return _Columns(series, places["time"], label, channels)


def _add(
    found: dict[str, _Series], row: Sequence[str], width: int, columns: _Columns
) -> None:
    """Adds a step to its series."""
    if len(row) != width:
        raise UserError(f"got {len(row)} cells, expected {width} as in the header")
    name = row[columns.series].strip()
    if not name:
        raise UserError("got no name of a series, expected one in each row")
    label = "" if columns.label is None else label_in_words(row[columns.label])
    own = found.setdefault(name, _Series(label, [], []))
    if own.label != label:
        raise UserError(
            f"got the class {shown(label)} of series {shown(name)}, expected "
            f"{shown(own.label)} as before"
        )
    time = float(len(own.times))
    if columns.time is not None:
        time = float(numbers_of([row[columns.time]])[0])
        if np.isnan(time):
            raise UserError("got no time, expected a number in each row")
    own.times.append(time)
    own.values.append(numbers_of([row[place] for place in columns.channels]))


def _in_order(name: str, series: _Series) -> np.ndarray:
    """Steps by time, float32 [T, C], without those at the end that have no value."""
    times, values = np.asarray(series.times), np.stack(series.values)
    order = np.argsort(times, kind="stable")
    twice = np.flatnonzero(np.diff(times[order]) == 0)
    if len(twice):
        raise UserError(
            f"series {shown(name)}: got two steps of time {times[order][twice[0]]:g}, "
            "expected one"
        )
    ordered: np.ndarray = values[order]
    there = np.flatnonzero(~np.isnan(ordered).all(axis=1))
    if not len(there):
        raise UserError(f"series {shown(name)}: got no value, expected numbers")
    return ordered[: there[-1] + 1]
