"""Encoded images -> one uint8 array, upright, on several threads where it helps.

An image is what a viewer shows: turned as its EXIF data say, its transparent pixels on
white, of several frames the first. What that leaves out is counted, see `decode_all`.
"""

import functools
import io
import math
import pathlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from qnas_jax.data.fitting import fit_image
from qnas_jax.errors import UserError
from qnas_jax.reading import reason

# Pillow holds the interpreter lock for most of the work on a smaller image: threads
# were 1.5 times slower than one at 32x32, equal at 80x80 and faster from there.
_MIN_THREADED_PIXELS = 96 * 96
_IMAGES_PER_TASK = 64

# Formats that Pillow knows by their first bytes only.
_NOT_DECODED = ("BUFR", "GRIB", "HDF5", "MPEG", "WMF")

# What is said of images that are not taken as they are.
_REMARKS = {
    "deep": "have more than 8 bits a channel, of which the upper 8 are used",
    "frames": "have several frames, of which the first is used",
    "damaged_exif": "have damaged EXIF data and are taken as they are stored",
    "transparent": "have transparent pixels, which are shown on white",
    "blank": "are blank on white: all that they show is in their transparency",
}


class DecodedImage(NamedTuple):
    """One image.

    Attributes:
      pixels: uint8 [H, W, C].
      remarks: keys of what is to be said of it.
    """

    pixels: np.ndarray
    remarks: tuple[str, ...] = ()


@functools.cache
def readable_suffixes() -> frozenset[str]:
    """Endings of the files that Pillow decodes, such as `.png`, in lower case."""
    from PIL import Image

    return frozenset(
        suffix
        for suffix, form in Image.registered_extensions().items()
        if form in Image.OPEN and form not in _NOT_DECODED
    )


def decode_image(
    encoded: bytes | pathlib.Path, mode: str, where: str, size: int = 0
) -> DecodedImage:
    """Decodes one image.

    Args:
      encoded: the content, or the file that holds it.
      mode: Pillow's name of the wanted form: "L", "RGB" or "RGBA".
      where: how errors name the image.
      size: side of the square that it is resized and cropped to; 0: as it is.

    Returns:
      The image, upright and (unless in "RGBA") without transparency.

    Raises:
      UserError: the image cannot be read.
    """
    from PIL import Image

    stream = io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded
    remarks = []
    try:
        with Image.open(stream) as image:
            if _is_deep(image):
                remarks.append("deep")
            if getattr(image, "n_frames", 1) > 1:
                remarks.append("frames")
            upright = _upright(image)
            if upright is None:
                remarks.append("damaged_exif")
                upright = image
            on_white = None if mode == "RGBA" else _on_white(upright, mode)
            pixels = np.asarray(on_white or upright.convert(mode))
    # Pillow's readers raise errors of many kinds on damaged files.
    except Exception as error:
        raise UserError(f"{where}: not a readable image ({reason(error)})") from error
    if on_white is not None:
        remarks.append("transparent")
        if (pixels == pixels[0, 0]).all():
            remarks.append("blank")
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if size:
        pixels = fit_image(pixels, size, size)
    return DecodedImage(pixels, tuple(remarks))


def _is_deep(image: Any) -> bool:
    """Whether Pillow drops the lower of more than 8 bits a channel."""
    return any(
        ";16" in str(args)
        or codec == "sgi16"
        or (codec.startswith("ppm") and isinstance(args, tuple) and args[-1] > 255)
        for codec, _, _, args in image.tile
    )


def _upright(image: Any) -> Any:
    """The image turned as its EXIF data say; None where they cannot be read."""
    from PIL import ExifTags, ImageOps

    image.load()  # so that damaged pixels are not taken for damaged EXIF data
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return image
        return ImageOps.exif_transpose(image)
    except Exception:  # of many kinds, as above
        return None


def _on_white(image: Any, mode: str) -> Any:
    """The image on white, in a mode; None where nothing of it is transparent."""
    from PIL import Image

    if not image.has_transparency_data:
        return None
    layer = image.convert("RGBA")
    if layer.getextrema()[3][0] == 255:
        return None
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert(mode)


def decode_all(
    num_images: int,
    decode_fn: Callable[[int], DecodedImage],
    where_fn: Callable[[int], str],
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Decodes images of one size into one array.

    Args:
      num_images: N >= 1.
      decode_fn: index -> one image; called from several threads.
      where_fn: index -> how errors name that image.

    Returns:
      uint8 [N, H, W, C], and a line for each way in which some images are not taken as
      they are, with their number.

    Raises:
      UserError: an image has another size than the first.
    """
    shape = decode_fn(0).pixels.shape
    images = np.empty((num_images, *shape), np.uint8)
    remarked: dict[str, list[int]] = {remark: [] for remark in _REMARKS}

    def fill(start: int) -> None:
        for index in range(start, min(start + _IMAGES_PER_TASK, num_images)):
            pixels, remarks = decode_fn(index)
            if pixels.shape != shape:
                raise UserError(
                    f"{where_fn(index)}: image is {list(pixels.shape)}, but "
                    f"{where_fn(0)} is {list(shape)}: resize all to one [H, W, C], or "
                    "set data.image_size to a side in pixels"
                )
            images[index] = pixels
            for remark in remarks:
                remarked[remark].append(index)

    starts = range(0, num_images, _IMAGES_PER_TASK)
    if math.prod(shape[:2]) < _MIN_THREADED_PIXELS:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor() as pool:
            list(pool.map(fill, starts))
    return images, tuple(
        f"{len(remarked[remark])} of {num_images} images {words}, such as "
        f"{where_fn(min(remarked[remark]))}"
        for remark, words in _REMARKS.items()
        if remarked[remark]
    )
