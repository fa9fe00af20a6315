"""Series as examples: their form, and the statistics of their channels.

Series are float32 [N, T, C]: time, then channels. NaN is a value that is missing:
somewhere within, or behind the end of a series that is shorter than the longest.
"""

import itertools
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qnas_jax.data.dataset import SourceSplits, Split, describe_array, sorted_classes
from qnas_jax.errors import UserError
from qnas_jax.reading import check_unpacked, size_on_disk


class LabelledSeries(NamedTuple):
    """Series of one file or of one part of it, as they were found.

    Attributes:
      series: each float32 [T_i, C].
      labels: a class each, in words.
      classes: all classes in their order; empty: those that occur, sorted.
      notes: what a user should know of how the file was read.
      channels: their names, where the file has any.
    """

    series: Sequence[np.ndarray]
    labels: Sequence[str]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


def series_split(series: np.ndarray, labels: np.ndarray) -> Split:
    """Checks series and the numbers of their classes.

    Args:
      series: float32 [N, T, C].
      labels: int32 [N], class numbers from 0.

    Returns:
      The split.

    Raises:
      UserError: wrong dtype or rank, different lengths, no series at all, a value that
        is infinite, or a series without any value.
    """
    if series.dtype != np.float32 or series.ndim != 3:
        raise UserError(
            f"series: got {describe_array(series)}, expected float32 [N, T, C]"
        )
    if labels.dtype != np.int32 or labels.ndim != 1:
        raise UserError(f"labels: got {describe_array(labels)}, expected int32 [N]")
    split = Split(series, labels)
    infinite = np.isinf(series).any(axis=(1, 2))
    empty = np.isnan(series).all(axis=(1, 2))
    for wrong, what in (
        (infinite, "an infinite value, or one beyond float32"),
        (empty, "no value that is there"),
    ):
        if wrong.any():
            raise UserError(
                f"series {np.argmax(wrong)} (from 0): got {what}, expected finite "
                "numbers, and NaN for what is missing"
            )
    return split


def source_of_series(
    name: str, found: dict[str, LabelledSeries], path: pathlib.Path
) -> SourceSplits:
    """A source from the series of its splits: of one length, with numbers for classes.

    Args:
      name: of the data set.
      found: by split, `train` among them.
      path: of the files, whose size says how large the arrays may become.

    Returns:
      The source; shorter series end in NaN.

    Raises:
      UserError: series of different channels, an unknown class, or arrays that are far
        larger than the files.
    """
    classes = _classes(found)
    widths = {
        split: {each.shape[1] for each in part.series} for split, part in found.items()
    }
    channels = sorted(set().union(*widths.values()))
    if len(channels) > 1:
        raise UserError(
            f"got series of {channels[0]} and of {channels[-1]} channels, expected the "
            "same number in all splits"
        )
    _check_names(found)
    every = list(itertools.chain(*(part.series for part in found.values())))
    length = max((len(each) for each in every), default=0)
    size = 4 * length * len(every) * max(channels, default=0)
    check_unpacked(path, size, size_on_disk(path))
    splits = {
        split: series_split(
            _padded(part.series, length, max(channels, default=0)),
            np.array([classes.index(label) for label in part.labels], np.int32),
        )
        for split, part in found.items()
    }
    notes = tuple(note for part in found.values() for note in part.notes)
    return SourceSplits(
        name,
        splits["train"],
        splits.get("valid"),
        splits.get("test"),
        classes,
        tuple(dict.fromkeys(notes)),
    )


def channel_statistics(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel over the values that are there.

    Args:
      series: float32 [N, T, C]; NaN is missing.

    Returns:
      Mean and (biased) standard deviation, float32 [C]; 0 and 0 for a channel without
      any value, exactly 0 deviation for one of a single value.
    """
    flat = series.reshape(-1, series.shape[-1])
    there = ~np.isnan(flat)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, flat, 0.0).sum(axis=0, dtype=np.float64) / count
    squares = np.where(there, flat - mean, 0.0) ** 2
    deviation = np.sqrt(squares.sum(axis=0) / count)
    lowest = np.where(there, flat, np.inf).min(axis=0)
    highest = np.where(there, flat, -np.inf).max(axis=0)
    # Rounding of the mean is not to make a channel vary that does not.
    deviation = np.where(highest > lowest, deviation, 0.0)
    return mean.astype(np.float32), deviation.astype(np.float32)


def _check_names(found: dict[str, LabelledSeries]) -> None:
    """Raises UserError if splits name their channels differently, or in other order."""
    named = {split: part.channels for split, part in found.items() if part.channels}
    for split, channels in named.items():
        first = next(iter(named.values()))
        if channels != first:
            raise UserError(
                f"got channels {', '.join(channels)} in the {split} split, expected "
                f"{', '.join(first)} as in the others"
            )


def _classes(found: dict[str, LabelledSeries]) -> tuple[str, ...]:
    """Those that files declare in their order, then all others, sorted."""
    declared = itertools.chain(*(part.classes for part in found.values()))
    others = sorted_classes(itertools.chain(*(part.labels for part in found.values())))
    return tuple(dict.fromkeys((*declared, *others)))


def _padded(series: Sequence[np.ndarray], length: int, channels: int) -> np.ndarray:
    padded = np.full((len(series), length, channels), np.nan, np.float32)
    for place, each in enumerate(series):
        padded[place, : len(each)] = each
    return padded
