"""The series that a model is asked about.

They come from one array of an npz file, from a text file with a series a row, values
alone and no class (of a `.ts` file the classes are not looked at), or from a folder of
recordings, a file each. Shorter ones end in missing values, which is told.
"""

import pathlib
from collections.abc import Callable

import numpy as np

from qnas_jax.data.recordings import recordings_below
from qnas_jax.data.series_text import SUFFIXES, read_series_text
from qnas_jax.errors import UserError
from qnas_jax.export import Model
from qnas_jax.jobs.nas.predicted_array import named_array

_NAMES = ("series", "x", "x_test")


def series_of(
    path: pathlib.Path, model: Model, say: Callable[[str], object]
) -> tuple[list[str | int], np.ndarray]:
    """Reads the series of a file.

    Args:
      path: of an npz file or one of `SUFFIXES`, or of a folder of recordings.
      model: of series.
      say: what is told of them, a line each.

    Returns:
      Their names (or numbers) [N], and float32 [N, T, C] as the model wants them.

    Raises:
      UserError: there are none, or they do not fit.
    """
    names, series = _read(path, model)
    length, channels = model.input_shape
    padded = np.full((len(series), length, channels), np.nan, np.float32)
    for place, (name, each) in enumerate(zip(names, series, strict=True)):
        if len(each) > length or each.shape[1] != channels:
            where = f"series {name} (from 0)" if isinstance(name, int) else name
            raise UserError(
                f"{path}, {where}: got {len(each)} steps of {each.shape[1]} channels, "
                f"expected at most {length} of {channels}, and no class"
            )
        padded[place, : len(each)] = each
    short = sum(len(each) < length for each in series)
    if short:
        say(f"{short} of {len(series)} series end before {length} steps")
    return names, padded


def _read(path: pathlib.Path, model: Model) -> tuple[list[str | int], list[np.ndarray]]:
    """Names or numbers of the series, and each [T, C]."""
    if path.is_dir():
        found = recordings_below(path)
        return [name for name, _ in found], [each.series for _, each in found]
    suffix = path.suffix.lower()
    if suffix not in (".npz", *SUFFIXES):
        expected = ", ".join((".npz", *SUFFIXES))
        raise UserError(
            f"--input: got {path}, expected a file of {expected}, or a folder of them"
        )
    if suffix == ".npz":
        series = list(_of_npz(path, model))
    else:
        series = list(read_series_text(path, labelled=False).series)
    return list(range(len(series))), series


def _of_npz(path: pathlib.Path, model: Model) -> np.ndarray:
    """Series of an array, numbers [N, T, C]."""
    name, series = named_array(path, _NAMES)
    if series.ndim == 2 and model.input_shape[1] == 1:
        series = series[..., None]
    if series.dtype.kind not in "fiu" or series.ndim != 3 or not len(series):
        raise UserError(
            f"{path}, {name}: got {series.dtype} {list(series.shape)}, expected "
            f"numbers [N, {', '.join(map(str, model.input_shape))}]"
        )
    return series
