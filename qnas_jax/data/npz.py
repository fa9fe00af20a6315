"""A user's own arrays in one `.npz` file.

Arrays: `x_train`, `y_train`, and optionally `x_valid`, `y_valid` (or `x_val`, `y_val`)
and `x_test`, `y_test`. Images are uint8 [N, H, W] or [N, H, W, C] with values 0..255,
labels are integers [N] from 0. An optional `class_names` [K] of strings names the
classes; without it there are as many as the largest training label says. To write one:
`np.savez("mine.npz", x_train=x, y_train=y)`.
"""

import difflib
import pathlib

import numpy as np

from qnas_jax.data.conversions import image_conversion, label_conversion
from qnas_jax.data.dataset import SourceSplits, Split, describe_array
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.split_names import SPLITS, split_of
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import printable, read_npz

_NAMES = tuple(f"{kind}_{split}" for split in SPLITS for kind in "xy")
_CLASS_NAMES = "class_names"
_CLOSE = 0.6  # names at least as similar as this are taken for a slip
_USUAL_CHANNELS = (1, 3, 4)
_USUAL_RATIO = 4  # of the sides of an image


def load_npz(options: PlaceOptions) -> SourceSplits:
    """Reads the file `path`.

    Raises:
      MissingFileError: there is no such file.
      UserError: it is no npz file, an array is missing, has an unknown name or the
        wrong form.
    """
    path = pathlib.Path(options.path).expanduser()
    if not path.is_file():
        raise MissingFileError(f"{path} is missing: set data.path to an .npz file")
    stored = read_npz(path)
    try:
        arrays, others = arrays_by_split(stored)
        for name in ("x_train", "y_train"):
            if name not in arrays:
                raise UserError(f"got arrays {sorted(stored)}, expected {name}")
        train = _split(arrays, "train")
        return SourceSplits(
            printable(path.stem),
            train,
            _optional_split(arrays, "valid"),
            _optional_split(arrays, "test"),
            _class_names(arrays, train),
            (*_notes_on_names(others), *_notes_on_shape(train)),
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def arrays_by_split(
    stored: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Finds the arrays of the splits by their usual names.

    Args:
      stored: the arrays [...] of a file, by its names; nothing is checked yet.

    Returns:
      The arrays that are used by our names (`x_train`, ..., `class_names`), as they
      are, and the names of those that are not.

    Raises:
      UserError: two arrays of one meaning, or a name that looks like a slip.
    """
    arrays: dict[str, np.ndarray] = {}
    others = []
    for name, array in stored.items():
        ours = _our_name(name)
        if ours is None:
            others.append(name)
        elif ours in arrays:
            raise UserError(f"got {name} and another array for {ours}, expected one")
        else:
            arrays[ours] = array
    for name in others:
        close = difflib.get_close_matches(
            name.lower(), (*_NAMES, _CLASS_NAMES), 1, _CLOSE
        )
        if close:
            raise UserError(
                f"got an array {name}, which is none of {', '.join(_NAMES)} and "
                f"{_CLASS_NAMES}: if {close[0]} is meant, name it so, else take it out"
            )
    return arrays, others


def _our_name(name: str) -> str | None:
    kind, _, split = name.partition("_")
    if kind.lower() in ("x", "y") and split_of(split):
        return f"{kind.lower()}_{split_of(split)}"
    return name if name == _CLASS_NAMES else None


def _notes_on_names(others: list[str]) -> list[str]:
    return [f"left out the arrays {', '.join(sorted(others))}"] if others else []


def _notes_on_shape(train: Split) -> list[str]:
    """How unusual shapes are understood."""
    height, width, channels = train.inputs.shape[1:]
    sides = sorted((height, width))
    if channels in _USUAL_CHANNELS and sides[1] <= _USUAL_RATIO * sides[0]:
        return []
    return [
        f"images are taken as {height} x {width} pixels with {channels} channels; if "
        "they are not, transpose them to [N, H, W, C]"
    ]


def _optional_split(arrays: dict[str, np.ndarray], name: str) -> Split | None:
    given = [array for array in (f"x_{name}", f"y_{name}") if array in arrays]
    if not given:
        return None
    if len(given) == 1:
        raise UserError(f"got {given[0]} alone, expected x_{name} and y_{name}")
    return _split(arrays, name)


def _split(arrays: dict[str, np.ndarray], name: str) -> Split:
    images, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
    conversion = image_conversion(images, len(labels) if labels.ndim else 0)
    if conversion is not None:
        raise UserError(
            f"x_{name}: got {describe_array(images)}, expected uint8 [N, H, W] or "
            f"[N, H, W, C] with values 0..255{conversion}"
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise UserError(
            f"y_{name}: got {describe_array(labels)}, expected integers "
            f"[N]{label_conversion(labels)}"
        )
    if images.ndim == 3:
        images = images[..., None]
    limits = np.iinfo(np.int32)
    if labels.size and not limits.min <= labels.min() <= labels.max() <= limits.max:
        raise UserError(f"y_{name}: a label does not fit int32, expected 0..K-1")
    try:
        return image_split(images, labels.astype(np.int32))
    except UserError as error:
        raise UserError(f"x_{name}, y_{name}: {error}") from error


def _class_names(arrays: dict[str, np.ndarray], train: Split) -> tuple[str, ...]:
    if _CLASS_NAMES not in arrays:
        seen = np.unique(train.targets)
        if seen[0] >= 0 and seen[-1] >= len(seen):
            absent = np.flatnonzero(~np.isin(np.arange(len(seen)), seen))[0]
            raise UserError(
                f"y_train: got {len(seen)} labels up to {seen[-1]} and no {absent}, "
                "expected 0..K-1 that all occur: renumber all splits by "
                "np.searchsorted(np.unique(y_train), y)"
            )
        return tuple(map(str, range(max(len(seen), int(seen[-1]) + 1))))
    names = arrays[_CLASS_NAMES]
    if names.dtype.kind != "U" or names.ndim != 1:
        raise UserError(
            f"{_CLASS_NAMES}: got {describe_array(names)}, expected strings [K]"
        )
    return tuple(map(str, names))
