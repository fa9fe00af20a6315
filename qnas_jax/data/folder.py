"""A user's own images: `<path>/train/<class>/...`, or directly `<path>/<class>/...`.

Beside `train` there may be `valid` and `test`. Classes are numbered in the order of
their sorted names; all images below a class folder are of that class, in every format
that Pillow decodes. A set is grey (C = 1) when every image is, else RGB (C = 3). What
is left out (other files, images in no class folder, names that begin with a dot) is
counted in one line.
"""

import dataclasses
import pathlib

import numpy as np

from qnas_jax.data.cache import cached, size_identity
from qnas_jax.data.class_folders import Listing, Wanted, list_folder
from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.decode import decode_all, decode_image, readable_suffixes
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.split_names import SPLITS
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
        wanted = Wanted(
            suffixes=readable_suffixes(),
            examples="images",
            missing="no image that Pillow reads",
            others="files that Pillow does not read as images",
        )
        listing = list_folder(root, wanted)
        size = options.image_size
        name = printable(root.resolve().name)
        splits = cached(
            options.cache_root(),
            name,
            listing.identity() + size_identity(size),
            lambda: _decode(name, listing, size),
        )
    return dataclasses.replace(splits, notes=(*listing.notes(), *splits.notes))


def _decode(name: str, listing: Listing, size: int) -> SourceSplits:
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
