"""A user's own images: `<path>/train/<class>/*.png|jpg`, or directly `<path>/<class>/`.

Beside `train` there may be `valid` and `test`. Classes are numbered in the order of
their sorted names. A set is grey (C = 1) when every image is, else RGB (C = 3);
transparency is dropped. Names that begin with a dot are ignored.
"""

import pathlib

import numpy as np

from qnas_jax.data.cache import cached, file_identity
from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.decode import decode_all, decode_image
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.errors import MissingFileError, UserError

_SUFFIXES = (".png", ".jpg", ".jpeg")
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

_Examples = list[tuple[pathlib.Path, int]]


def load_folder(options: PlaceOptions) -> SourceSplits:
    """Reads the folder `path`, or the decoded copy kept of it.

    Raises:
      MissingFileError: there is no such folder, or no class folder in it.
      UserError: a class without images, an unknown class or split, an unreadable
        image, or images of different sizes; the file is named.
    """
    root = pathlib.Path(options.path).expanduser()
    if not root.is_dir():
        raise MissingFileError(f"{root} is missing: set path to an image folder")
    classes, listing = _list_splits(root)
    files = [path for examples in listing.values() for path, _ in examples]
    name = root.resolve().name
    return cached(
        options.cache_root(),
        name,
        [*classes, *map(file_identity, files)],
        lambda: _decode(name, classes, listing),
    )


def _list_splits(
    root: pathlib.Path,
) -> tuple[tuple[str, ...], dict[str, _Examples]]:
    names = _folders(root)
    if "train" not in names:
        classes = names
        folders = {"train": root}
    else:
        unknown = [name for name in names if name not in ("train", "valid", "test")]
        if unknown:
            raise UserError(
                f"{root / unknown[0]}: unknown folder beside train, "
                "expected only valid and test"
            )
        classes = _folders(root / "train")
        folders = {name: root / name for name in names}
    if not classes:
        raise MissingFileError(f"{folders['train']} holds no class folder")
    return tuple(classes), {
        name: _list_examples(name, folder, classes) for name, folder in folders.items()
    }


def _list_examples(
    name: str, folder: pathlib.Path, classes: list[str]
) -> list[tuple[pathlib.Path, int]]:
    examples = []
    for class_name in _folders(folder):
        if class_name not in classes:
            raise UserError(
                f"{folder / class_name}: no class of this name in train, "
                f"expected one of {', '.join(classes)}"
            )
        files = _images(folder / class_name)
        if name == "train" and not files:
            raise UserError(f"{folder / class_name}: no .png or .jpg file in it")
        examples += [(path, classes.index(class_name)) for path in files]
    if not examples:
        raise UserError(f"{folder}: no .png or .jpg file in its class folders")
    return examples


def _folders(folder: pathlib.Path) -> list[str]:
    found = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return sorted(name for name in found if not name.startswith("."))


def _images(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    )


def _decode(
    name: str, classes: tuple[str, ...], listing: dict[str, _Examples]
) -> SourceSplits:
    paths = [path for examples in listing.values() for path, _ in examples]
    mode = _common_mode(paths)
    images = decode_all(
        len(paths),
        lambda index: decode_image(paths[index], mode, str(paths[index])),
        lambda index: str(paths[index]),
    )
    splits, start = {}, 0
    for split, examples in listing.items():
        labels = np.array([label for _, label in examples], np.int32)
        splits[split] = image_split(images[start : start + len(examples)], labels)
        start += len(examples)
    return SourceSplits(
        name, splits["train"], splits.get("valid"), splits.get("test"), classes
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
            raise UserError(f"{path}: not a readable image ({error})") from error
        if mode not in _GREY_MODES + _COLOUR_MODES:
            raise UserError(
                f"{path}: got pixels of Pillow's mode {mode}, expected 8 bits a channel"
            )
        grey = grey and mode in _GREY_MODES
    return "L" if grey else "RGB"
