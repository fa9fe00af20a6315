"""Data of one file a split: beside each other, or in a folder.

One file is the training split, and others are held out of it; where its name ends with
`train`, a file beside it that ends with `test` (or `valid`) is that split, as in
archives. A folder holds a file for each split.
"""

import pathlib
import re
from collections.abc import Sequence

from qnas_jax.data.split_names import split_of
from qnas_jax.errors import UserError

_BETWEEN = r"[_.\s-]"


def ending_of(path: pathlib.Path, endings: Sequence[str]) -> str:
    """Which of some endings (`.csv`, `.csv.gz`) a file's name has; "" for none."""
    name = path.name.lower()
    return next((ending for ending in endings if name.endswith(ending)), "")


def has_split_files(folder: pathlib.Path, endings: Sequence[str]) -> bool:
    """Whether a folder directly holds a file of a split, of one of some endings."""
    return any(
        ending_of(path, endings) and _split_of_file(path, endings)
        for path in folder.iterdir()
    )


def files_by_split(
    path: pathlib.Path, endings: Sequence[str]
) -> tuple[str, dict[str, pathlib.Path]]:
    """Finds the files of a data set.

    Args:
      path: a folder, or a file of one of the endings; both exist.
      endings: of file names, in lower case; of several forms of one file in a folder
        the first counts.

    Returns:
      The name of the set, and a file for each split, `train` among them.

    Raises:
      UserError: in a folder no file is that of the training split, or several are.
    """
    if path.is_dir():
        return path.name, _files_of_folder(path, endings)
    return _without_split(_stem(path, endings)), _beside(path, endings)


def _stem(path: pathlib.Path, endings: Sequence[str]) -> str:
    return path.name[: len(path.name) - len(ending_of(path, endings))]


def _split_of_file(path: pathlib.Path, endings: Sequence[str]) -> str | None:
    """The split that a file's name ends with."""
    return split_of(re.split(_BETWEEN, _stem(path, endings))[-1])


def _without_split(stem: str) -> str:
    name = re.sub(rf"{_BETWEEN}?train(ing)?$", "", stem, flags=re.IGNORECASE)
    return name or stem


def _beside(path: pathlib.Path, endings: Sequence[str]) -> dict[str, pathlib.Path]:
    """The file, and those of other splits beside it."""
    found = {"train": path}
    if _split_of_file(path, endings) != "train":
        return found
    ending = path.name[len(_stem(path, endings)) :]
    for other in sorted(path.parent.glob(f"*{ending}")):
        split = _split_of_file(other, endings)
        same = _in_front(other, endings) == _in_front(path, endings)
        if split is not None and same and split not in found:
            found[split] = other
    return found


def _in_front(path: pathlib.Path, endings: Sequence[str]) -> str:
    """What is in front of the split in a file's name."""
    stem = _stem(path, endings)
    word = re.split(_BETWEEN, stem)[-1]
    return stem[: len(stem) - len(word)]


def _files_of_folder(
    folder: pathlib.Path, endings: Sequence[str]
) -> dict[str, pathlib.Path]:
    found: dict[str, pathlib.Path] = {}
    for ending in endings:
        files = sorted(
            file
            for file in folder.iterdir()
            if ending_of(file, endings) == ending and _split_of_file(file, endings)
        )
        for file in files:
            split = str(_split_of_file(file, endings))
            if split in found and ending_of(found[split], endings) == ending:
                raise UserError(
                    f"{folder}: got {found[split].name} and {file.name}, expected one "
                    f"file of the {split} split: set data.path to a file"
                )
            found.setdefault(split, file)
        if "train" in found:
            return found
    first, second, *others = endings
    raise UserError(
        f"{folder}: got no file of the training split, expected train{first} or "
        f"NAME_TRAIN{second} (also {', '.join(others)}), or data.path to be a file"
    )
