"""Series in one `.npz` file.

Arrays: `x_train` [N, T] or [N, T, C] of numbers, `y_train` [N] of words or whole
numbers, and optionally `x_valid`, `y_valid`, `x_test`, `y_test`; NaN is missing.
`class_names` [K] names the classes 0..K-1; without it every label is a class. The sets
of the UCR archive come in the same form, with `classes` [K] for their own labels.
"""

import pathlib

import numpy as np

from qnas_jax.data.dataset import describe_array
from qnas_jax.data.npz import arrays_by_split
from qnas_jax.data.series import LabelledSeries
from qnas_jax.data.series_cells import label_in_words
from qnas_jax.data.split_names import SPLITS
from qnas_jax.errors import UserError
from qnas_jax.options import shown
from qnas_jax.reading import read_npz

_WHAT = "an npz file of numbers: pad series to one length with NaN"
_ARCHIVE_NAMES = "classes"


def read_series_npz(path: pathlib.Path) -> dict[str, LabelledSeries]:
    """Reads the series of each split.

    Raises:
      MissingFileError: it is not there.
      UserError: it is no such file, an array is missing or has the wrong form.
    """
    stored = read_npz(path, what=_WHAT)
    if _ARCHIVE_NAMES in stored and "class_names" not in stored:
        stored["class_names"] = stored.pop(_ARCHIVE_NAMES).astype(str)
    try:
        arrays, others = arrays_by_split(stored)
        if "x_train" not in arrays or "y_train" not in arrays:
            raise UserError(
                f"got arrays {sorted(stored)}, expected x_train and y_train"
            )
        names = _names(arrays.get("class_names"))
        notes = (f"left out the arrays {', '.join(sorted(others))}",) if others else ()
        found = {}
        for split in SPLITS:
            given = [name for name in (f"x_{split}", f"y_{split}") if name in arrays]
            if len(given) == 1:
                raise UserError(f"got {given[0]} alone, expected x_{split}, y_{split}")
            if given:
                x, y = (arrays[name] for name in given)
                found[split] = _labelled(split, x, y, names, notes)
        return found
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _names(names: np.ndarray | None) -> tuple[str, ...]:
    if names is None:
        return ()
    if names.dtype.kind != "U" or names.ndim != 1:
        raise UserError(
            f"class_names: got {describe_array(names)}, expected strings [K]"
        )
    return tuple(map(str, names))


def _labelled(
    split: str,
    series: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
    notes: tuple[str, ...],
) -> LabelledSeries:
    if series.dtype.kind not in "fiu" or series.ndim not in (2, 3):
        raise UserError(
            f"x_{split}: got {describe_array(series)}, expected numbers [N, T] or "
            "[N, T, C]"
        )
    if labels.dtype.kind not in "iufbU" or labels.ndim != 1:
        raise UserError(
            f"y_{split}: got {describe_array(labels)}, expected words or whole numbers "
            "[N]"
        )
    if len(series) != len(labels):
        raise UserError(
            f"x_{split}, y_{split}: got {len(series)} series and {len(labels)} labels, "
            "expected as many"
        )
    if series.ndim == 2:
        series = series[..., None]
    if series.shape[1] < series.shape[2]:
        notes = (
            *notes,
            f"series are taken as {series.shape[1]} steps of {series.shape[2]} "
            "channels; if they are not, transpose them to [N, T, C]",
        )
    with np.errstate(over="ignore"):  # Infinite ones are refused where splits are made.
        values = series.astype(np.float32)
    return LabelledSeries(list(values), _words(split, labels, names), names, notes)


def _words(split: str, labels: np.ndarray, names: tuple[str, ...]) -> list[str]:
    """The classes of labels; with names they are numbers of these."""
    if names and labels.dtype.kind in "iu":
        wrong = (labels < 0) | (labels >= len(names))
        if wrong.any():
            raise UserError(
                f"y_{split}: got label {labels[wrong][0]} at position "
                f"{np.argmax(wrong)}, expected 0..{len(names) - 1}, a place in "
                "class_names"
            )
        return [names[label] for label in labels]
    try:
        words = [label_in_words(str(label)) for label in labels]
    except UserError as error:
        raise UserError(f"y_{split}: {error}") from error
    unknown = sorted(set(words) - set(names)) if names else []
    if unknown:
        raise UserError(
            f"y_{split}: got the class {shown(unknown[0])}, expected one of class_names"
        )
    return words
