"""A user's own arrays in one `.npz` file.

Arrays: `x_train`, `y_train`, and optionally `x_valid`, `y_valid` and `x_test`,
`y_test`. Images are uint8 [N, H, W] or [N, H, W, C] with values 0..255, labels are
integers [N] from 0. An optional `class_names` [K] of strings names the classes;
without it there are as many as the largest training label says. To write one:
`np.savez("mine.npz", x_train=x, y_train=y)`.
"""

import pathlib
import zipfile
import zlib

import numpy as np

from qnas_jax.data.dataset import SourceSplits, Split
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.errors import MissingFileError, UserError


def load_npz(options: PlaceOptions) -> SourceSplits:
    """Reads the file `path`.

    Raises:
      MissingFileError: there is no such file.
      UserError: it is no npz file, an array is missing, or has the wrong form.
    """
    path = pathlib.Path(options.path).expanduser()
    if not path.is_file():
        raise MissingFileError(f"{path} is missing: set path to an .npz file")
    arrays = read_npz(path)
    for name in ("x_train", "y_train"):
        if name not in arrays:
            raise UserError(f"{path}: got arrays {sorted(arrays)}, expected {name}")
    try:
        train = _split(arrays, "train")
        return SourceSplits(
            path.stem,
            train,
            _optional_split(arrays, "valid"),
            _optional_split(arrays, "test"),
            _class_names(arrays, train),
        )
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads all arrays of an npz file.

    Raises:
      UserError: the file is no npz file, is damaged or holds Python objects.
    """
    try:
        # Opened here, since NumPy leaves the file of a damaged archive open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    # A single .npy array is no context manager: TypeError or AttributeError.
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UserError(f"{path}: not a readable npz file ({error})") from error


def _optional_split(arrays: dict[str, np.ndarray], name: str) -> Split | None:
    given = [array for array in (f"x_{name}", f"y_{name}") if array in arrays]
    if not given:
        return None
    if len(given) == 1:
        raise UserError(f"got {given[0]} alone, expected x_{name} and y_{name}")
    return _split(arrays, name)


def _split(arrays: dict[str, np.ndarray], name: str) -> Split:
    images, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise UserError(
            f"x_{name}: got {images.dtype} {list(images.shape)}, expected uint8 "
            "[N, H, W] or [N, H, W, C]; convert values in [0, 1] by "
            "np.rint(255 * x).astype(np.uint8)"
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise UserError(
            f"y_{name}: got {labels.dtype} {list(labels.shape)}, expected integers "
            "[N]; convert one-hot labels by y.argmax(1), a column by y[:, 0]"
        )
    if images.ndim == 3:
        images = images[..., None]
    limits = np.iinfo(np.int32)
    if labels.size and not limits.min <= labels.min() <= labels.max() <= limits.max:
        raise UserError(f"y_{name}: a label does not fit int32, expected 0..K-1")
    try:
        return image_split(images, labels.astype(np.int32))
    except ValueError as error:
        raise UserError(f"x_{name}, y_{name}: {error}") from error


def _class_names(arrays: dict[str, np.ndarray], train: Split) -> tuple[str, ...]:
    if "class_names" not in arrays:
        largest = int(train.targets.max())
        if largest >= len(train):
            raise UserError(
                f"y_train: got label {largest} in {len(train)} examples, expected "
                "labels 0..K-1 that all occur"
            )
        return tuple(map(str, range(largest + 1)))
    names = arrays["class_names"]
    if names.dtype.kind != "U" or names.ndim != 1:
        raise UserError(
            f"class_names: got {names.dtype} {list(names.shape)}, expected strings [K]"
        )
    return tuple(map(str, names))
