"""The sources of series: a user's own file or folder, and the sets of the UCR archive.

One file is the training split, and others are held out of it; where its name ends with
`train`, a file beside it that ends with `test` (or `valid`) is that split, as in the
archives. A folder holds a file for each split.
"""

import pathlib
import re

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.series import LabelledSeries, source_of_series
from qnas_jax.data.series_npz import read_series_npz
from qnas_jax.data.series_text import SUFFIXES, read_series_text
from qnas_jax.data.split_names import split_of
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import printable

_ARCHIVE = "ucr"
_KINDS = ", ".join((".npz", *SUFFIXES))


def load_series(options: PlaceOptions) -> SourceSplits:
    """Reads the file or folder `path`.

    Raises:
      MissingFileError: it is not there.
      UserError: it is none of these files, or damaged; the message names file and line.
    """
    return _load(pathlib.Path(options.path).expanduser())


def load_ucr(options: PlaceOptions) -> SourceSplits:
    """Reads a set of the UCR archive (Dau et al. 2018) in `ucr` below the data folder.

    Raises:
      MissingFileError: no data folder is named, or the set is not in it.
      UserError: it is damaged; the message names file and line.
    """
    root = options.data_root()
    if root is None:
        raise MissingFileError(
            "data.data_dir is not set: set it or QNAS_DATA_DIR to the folder that has "
            f"{_ARCHIVE}/{options.name}.npz or the archive's folder of that name"
        )
    if not re.fullmatch(r"\w[\w.-]*", options.name):
        raise UserError(
            f"data.name: got {options.name!r}, expected a set of the archive, such as "
            "ECG200"
        )
    folder = root / _ARCHIVE
    for place in (folder / f"{options.name}.npz", folder / options.name):
        if place.exists():
            return _load(place)
    raise MissingFileError(
        f"{folder / options.name}.npz is missing, and so is a folder of that name with "
        f"{options.name}_TRAIN.tsv: get the archive from "
        "https://www.cs.ucr.edu/~eamonn/time_series_data_2018"
    )


def _load(path: pathlib.Path) -> SourceSplits:
    if not path.exists():
        raise MissingFileError(f"{path} is missing: set data.path to a file or folder")
    if not path.is_dir() and path.suffix.lower() not in (".npz", *SUFFIXES):
        raise UserError(
            f"{path}: got a {path.suffix or 'nameless'} file, expected one of {_KINDS}"
        )
    found: dict[str, LabelledSeries]
    if path.suffix.lower() == ".npz" and not path.is_dir():
        name, found = path.stem, read_series_npz(path)
    else:
        files = _files_of_folder(path) if path.is_dir() else _beside(path)
        name = path.name if path.is_dir() else _without_split(path.stem)
        found = {split: read_series_text(file) for split, file in files.items()}
    try:
        return source_of_series(printable(name), found, path)
    except UserError as error:
        if str(error).startswith(str(path)):
            raise
        raise UserError(f"{path}: {error}") from error


def _split_of_file(path: pathlib.Path) -> str | None:
    """The split that a file's name ends with."""
    return split_of(re.split(r"[_.\s-]", path.stem)[-1])


def _without_split(stem: str) -> str:
    name = re.sub(r"[_.\s-]?train(ing)?$", "", stem, flags=re.IGNORECASE)
    return name or stem


def _beside(path: pathlib.Path) -> dict[str, pathlib.Path]:
    """The file, and those of other splits beside it."""
    if _split_of_file(path) != "train":
        return {"train": path}
    found = {"train": path}
    for other in sorted(path.parent.glob(f"*{path.suffix}")):
        split = _split_of_file(other)
        same = _ending_cut(other) == _ending_cut(path)
        if split is not None and same and split not in found:
            found[split] = other
    return found


def _ending_cut(path: pathlib.Path) -> str:
    """What is in front of the split in a file's name."""
    word = re.split(r"[_.\s-]", path.stem)[-1]
    return path.stem[: len(path.stem) - len(word)]


def _files_of_folder(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """A file for each split; of several forms of one file the first of `SUFFIXES`.

    Raises:
      UserError: no file is that of the training split, or several are.
    """
    found: dict[str, pathlib.Path] = {}
    for suffix in SUFFIXES:
        files = sorted(
            file
            for file in folder.iterdir()
            if file.suffix.lower() == suffix and _split_of_file(file)
        )
        for file in files:
            split = str(_split_of_file(file))
            if split in found and found[split].suffix == file.suffix:
                raise UserError(
                    f"{folder}: got {found[split].name} and {file.name}, expected one "
                    f"file of the {split} split: set data.path to a file"
                )
            found.setdefault(split, file)
        if "train" in found:
            return found
    raise UserError(
        f"{folder}: got no file of the training split, expected train.csv or "
        "NAME_TRAIN.tsv (also .ts, .txt), or data.path to be a file"
    )
