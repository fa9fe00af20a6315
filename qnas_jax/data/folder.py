"""A user's own images: `<path>/train/<class>/...`, or directly `<path>/<class>/...`.

Beside `train` there may be `valid` and `test`. Classes are numbered in the order of
their sorted names; all images below a class folder are of that class, in every format
that Pillow decodes. A set is grey (C = 1) when every image is, else RGB (C = 3). What
is left out (other files, images in no class folder, names that begin with a dot) is
counted in one line.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from qnas_jax.data.cache import cached, file_identity, size_identity
from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.decode import decode_all, decode_image, readable_suffixes
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.split_names import SPLITS, split_of
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import naming, printable, reason

_GREY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = (
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
)

_FEW = 3  # names given as examples


class _Example(NamedTuple):
    """An image file: where it is, in which split, and the number of its class."""

    path: pathlib.Path
    split: str
    label: int


@dataclasses.dataclass(frozen=True)
class _Listing:
    """What is in a folder.

    Attributes:
      root: the folder.
      classes: names of the class folders, sorted.
      examples: by split, class and name.
      left_out: by the reason, the files that are not used.
    """

    root: pathlib.Path
    classes: tuple[str, ...]
    examples: list[_Example]
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


def load_folder(options: PlaceOptions) -> SourceSplits:
    """Reads the folder `path`, or the decoded copy kept of it.

    Raises:
      MissingFileError: there is no such folder, or no class folder in it.
      UserError: a class without images, an unknown class or split, an unreadable
        file or folder, or images of different sizes with image_size=0; the file is
        named.
    """
    root = pathlib.Path(options.path).expanduser()
    with naming(root):
        if not root.is_dir():
            raise MissingFileError(
                f"{root} is missing: set data.path to an image folder"
            )
        listing = _list_folder(root)
        size = options.image_size
        name = printable(root.resolve().name)
        splits = cached(
            options.cache_root(),
            name,
            listing.identity() + size_identity(size),
            lambda: _decode(name, listing, size),
        )
    return dataclasses.replace(splits, notes=(*listing.notes(), *splits.notes))


def _list_folder(root: pathlib.Path) -> _Listing:
    folders = _split_folders(root)
    classes = _folders(folders["train"])
    if not classes:
        raise MissingFileError(f"{folders['train']} holds no class folder")
    if len(classes) == 1:
        raise UserError(
            f"{folders['train']} holds one class folder ({printable(classes[0])}), "
            "expected at least 2; if its folders are the classes, set data.path to it"
        )
    examples: list[_Example] = []
    left_out: dict[str, list[pathlib.Path]] = {}
    for split, folder in folders.items():
        _list_split(split, folder, classes, examples, left_out)
    if folders["train"] != root:
        beside = [path for path in sorted(root.iterdir()) if not path.is_dir()]
        _leave_out(root, beside, left_out)
    return _Listing(root, tuple(classes), examples, left_out)


def _split_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Folders by split; the root alone where it holds the class folders."""
    names = _folders(root)
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
                f"of {split} images"
            )
        folders[split] = root / name
    return {split: folders[split] for split in SPLITS if split in folders}


def _list_split(
    split: str,
    folder: pathlib.Path,
    classes: list[str],
    examples: list[_Example],
    left_out: dict[str, list[pathlib.Path]],
) -> None:
    """Appends a split's images, class by class, and what is left out of it."""
    for name in _folders(folder):
        if name not in classes:
            raise UserError(
                f"{folder / name}: no class of this name in train, "
                f"expected one of {', '.join(map(printable, classes))}"
            )
    found: dict[str, list[pathlib.Path]] = {name: [] for name in classes}
    others = []
    for path in _files(folder):
        first, *inner = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in (first, *inner))
        if inner and not hidden and path.suffix.lower() in readable_suffixes():
            if len(inner) > 1 and split_of(inner[0]):
                raise UserError(
                    f"{folder / first / inner[0]}: got a split within a class, "
                    f"expected classes within {inner[0]}"
                )
            found[first].append(path)
        else:
            others.append(path)
    _leave_out(folder, others, left_out)
    for label, (name, paths) in enumerate(found.items()):
        if split == "train" and not paths:
            raise UserError(f"{folder / name}: no image that Pillow reads in it")
        examples += [_Example(path, split, label) for path in sorted(paths)]
    if not any(found.values()):
        raise UserError(f"{folder}: no image that Pillow reads in its class folders")


def _leave_out(
    folder: pathlib.Path,
    paths: list[pathlib.Path],
    left_out: dict[str, list[pathlib.Path]],
) -> None:
    for path in paths:
        parts = path.relative_to(folder).parts
        is_image = path.suffix.lower() in readable_suffixes()
        if any(part.startswith(".") for part in parts):
            if not is_image:
                continue
            words = "images whose name begins with a dot"
        elif not is_image:
            words = "files that Pillow does not read as images"
        else:
            words = "images in no class folder"
        left_out.setdefault(words, []).append(path)


def _folders(folder: pathlib.Path) -> list[str]:
    found = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return sorted(name for name in found if not name.startswith("."))


def _files(
    folder: pathlib.Path, above: frozenset[str] = frozenset()
) -> Iterator[pathlib.Path]:
    """Files below a folder, also behind links (but not one that leads back up)."""
    real = os.path.realpath(folder)
    if real in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from _files(path, above | {real})
        else:
            yield path


def _decode(name: str, listing: _Listing, size: int) -> SourceSplits:
    paths = [example.path for example in listing.examples]
    mode = _common_mode(paths)
    images, notes = decode_all(
        len(paths),
        lambda index: decode_image(paths[index], mode, printable(paths[index]), size),
        lambda index: printable(paths[index]),
    )
    labels = np.array([example.label for example in listing.examples], np.int32)
    splits, start = {}, 0
    for split in SPLITS:
        stop = start + sum(example.split == split for example in listing.examples)
        if stop > start:
            splits[split] = image_split(images[start:stop], labels[start:stop])
        start = stop
    return SourceSplits(
        name,
        splits["train"],
        splits.get("valid"),
        splits.get("test"),
        tuple(map(printable, listing.classes)),
        notes,
    )


def _common_mode(paths: list[pathlib.Path]) -> str:
    from PIL import Image

    grey = True
    for path in paths:
        try:
            with Image.open(path) as image:
                mode = image.mode
        # Pillow's readers raise errors of many kinds on damaged files.
        except Exception as error:
            raise UserError(
                f"{path}: not a readable image ({reason(error)})"
            ) from error
        if mode not in _GREY_MODES + _COLOUR_MODES:
            raise UserError(
                f"{path}: got pixels of Pillow's mode {mode}, expected 8 bits a "
                "channel: scale all images of the set alike to 0..255 and save them "
                "as 8 bits"
            )
        grey = grey and mode in _GREY_MODES
    return "L" if grey else "RGB"
