"""The sources of series: a user's own file or folder, and the sets of the UCR archive.

Splits may be files of their own, see `files_by_split`; a folder may also hold folders
of recordings, a class each, see `recordings`.
"""

import pathlib
import re

from qnas_jax.data.class_folders import subfolders
from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.files_by_split import files_by_split, has_split_files
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.recordings import read_class_folders
from qnas_jax.data.series import LabelledSeries, source_of_series
from qnas_jax.data.series_npz import read_series_npz
from qnas_jax.data.series_text import SUFFIXES, read_series_text
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
    elif path.is_dir() and subfolders(path) and not has_split_files(path, SUFFIXES):
        name, found = path.resolve().name, read_class_folders(path)
    else:
        name, files = files_by_split(path, SUFFIXES)
        found = {split: read_series_text(file) for split, file in files.items()}
    try:
        return source_of_series(printable(name), found, path)
    except UserError as error:
        if str(error).startswith(str(path)):
            raise
        raise UserError(f"{path}: {error}") from error
