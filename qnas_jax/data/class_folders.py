"""Examples in class folders: `<path>/train/<class>/...`, or `<path>/<class>/...`.

Beside `train` there may be `valid` and `test`. Classes are numbered in the order of
their sorted names; all examples below a class folder are of that class. What is left
out (other files, examples in no class folder, names that begin with a dot) is counted
in one line.
"""

import dataclasses
import os
import pathlib
from collections.abc import Collection, Iterator
from typing import NamedTuple

from qnas_jax.data.cache import file_identity
from qnas_jax.data.split_names import SPLITS, split_of
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import printable

_FEW = 3  # names given as examples


class Example(NamedTuple):
    """An example's file: where it is, in which split, and the number of its class."""

    path: pathlib.Path
    split: str
    label: int


@dataclasses.dataclass(frozen=True)
class Listing:
    """What is in a folder.

    Attributes:
      root: the folder.
      classes: names of the class folders, sorted.
      examples: by split, class and name.
      left_out: by the reason, the files that are not used.
    """

    root: pathlib.Path
    classes: tuple[str, ...]
    examples: list[Example]
    left_out: dict[str, list[pathlib.Path]]

    def identity(self) -> list[str]:
        """Lines that change whenever the decoded set would."""
        lines = [str(self.root.resolve()), *self.classes]
        for path, split, label in self.examples:
            lines.append(f"{split} {label} {file_identity(path)}")
        return lines

    def notes(self) -> tuple[str, ...]:
        """What is left out, in one line."""
        parts = []
        for words, paths in sorted(self.left_out.items()):
            names = [printable(path.relative_to(self.root)) for path in sorted(paths)]
            more = ", ..." if len(names) > _FEW else ""
            parts.append(f"{words}: {len(names)} ({', '.join(names[:_FEW])}{more})")
        return (f"left out {'; '.join(parts)}",) if parts else ()


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Which files are examples, and how they are spoken of.

    Attributes:
      suffixes: of their names, in lower case.
      examples: what they are, several of them.
      missing: says that there is none.
      others: what all other files are.
    """

    suffixes: Collection[str]
    examples: str
    missing: str
    others: str


def list_folder(root: pathlib.Path, wanted: Wanted) -> Listing:
    """Lists the examples of a folder.

    Args:
      root: an existing folder.
      wanted: which files are examples.

    Returns:
      Classes, examples, and what is left out.

    Raises:
      MissingFileError: there is no class folder.
      UserError: a class without examples, an unknown class or split; the folder is
        named.
    """
    folders = _split_folders(root, wanted)
    classes = subfolders(folders["train"])
    if not classes:
        raise MissingFileError(f"{folders['train']} holds no class folder")
    if len(classes) == 1:
        raise UserError(
            f"{folders['train']} holds one class folder ({printable(classes[0])}), "
            "expected at least 2; if its folders are the classes, set data.path to it"
        )
    examples: list[Example] = []
    left_out: dict[str, list[pathlib.Path]] = {}
    for split, folder in folders.items():
        _list_split(split, folder, classes, examples, left_out, wanted)
    if folders["train"] != root:
        beside = [path for path in sorted(root.iterdir()) if not path.is_dir()]
        _leave_out(root, beside, left_out, wanted)
    return Listing(root, tuple(classes), examples, left_out)


def _split_folders(root: pathlib.Path, wanted: Wanted) -> dict[str, pathlib.Path]:
    """Folders by split; the root alone where it holds the class folders."""
    names = subfolders(root)
    splits = {name: split_of(name) for name in names}
    if not any(splits.values()):
        return {"train": root}
    unknown = [name for name, split in splits.items() if split is None]
    if "train" not in splits.values():
        known = next(name for name, split in splits.items() if split)
        raise UserError(
            f"{root / known}: got this folder and no train, expected "
            f"{', '.join(SPLITS)} with class folders in them, or class folders alone "
            "(of other names)"
        )
    if unknown:
        raise UserError(
            f"{root / unknown[0]}: unknown folder beside train, "
            "expected only valid and test"
        )
    folders: dict[str, pathlib.Path] = {}
    for name, split in splits.items():
        assert split is not None
        if split in folders:
            raise UserError(
                f"{root / name}: got it and {folders[split].name}, expected one folder "
                f"of {split} {wanted.examples}"
            )
        folders[split] = root / name
    return {split: folders[split] for split in SPLITS if split in folders}


def _list_split(
    split: str,
    folder: pathlib.Path,
    classes: list[str],
    examples: list[Example],
    left_out: dict[str, list[pathlib.Path]],
    wanted: Wanted,
) -> None:
    """Appends a split's examples, class by class, and what is left out of it."""
    for name in subfolders(folder):
        if name not in classes:
            raise UserError(
                f"{folder / name}: no class of this name in train, "
                f"expected one of {', '.join(map(printable, classes))}"
            )
    found: dict[str, list[pathlib.Path]] = {name: [] for name in classes}
    others = []
    for path in files_below(folder):
        first, *inner = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in (first, *inner))
        if inner and not hidden and path.suffix.lower() in wanted.suffixes:
            if len(inner) > 1 and split_of(inner[0]):
                raise UserError(
                    f"{folder / first / inner[0]}: got a split within a class, "
                    f"expected classes within {inner[0]}"
                )
            found[first].append(path)
        else:
            others.append(path)
    _leave_out(folder, others, left_out, wanted)
    for label, (name, paths) in enumerate(found.items()):
        if split == "train" and not paths:
            raise UserError(f"{folder / name}: {wanted.missing} in it")
        examples += [Example(path, split, label) for path in sorted(paths)]
    if not any(found.values()):
        raise UserError(f"{folder}: {wanted.missing} in its class folders")


def _leave_out(
    folder: pathlib.Path,
    paths: list[pathlib.Path],
    left_out: dict[str, list[pathlib.Path]],
    wanted: Wanted,
) -> None:
    for path in paths:
        parts = path.relative_to(folder).parts
        is_example = path.suffix.lower() in wanted.suffixes
        if any(part.startswith(".") for part in parts):
            if not is_example:
                continue
            words = f"{wanted.examples} whose name begins with a dot"
        elif not is_example:
            words = wanted.others
        else:
            words = f"{wanted.examples} in no class folder"
        left_out.setdefault(words, []).append(path)


def subfolders(folder: pathlib.Path) -> list[str]:
    """Names of the folders in a folder, sorted, without those that are hidden."""
    found = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return sorted(name for name in found if not name.startswith("."))


def files_below(
    folder: pathlib.Path, above: frozenset[str] = frozenset()
) -> Iterator[pathlib.Path]:
    """All files below a folder, also behind links (but not one that leads back up)."""
    real = os.path.realpath(folder)
    if real in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from files_below(path, above | {real})
        else:
            yield path
