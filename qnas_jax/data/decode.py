"""Encoded images (PNG, JPEG) -> one uint8 array, on several threads where it helps."""

import io
import math
import pathlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from qnas_jax.errors import UserError

# Pillow holds the interpreter lock for most of the work on a smaller image: threads
# were 1.5 times slower than one at 32x32, equal at 80x80 and faster from there.
_MIN_THREADED_PIXELS = 96 * 96
_IMAGES_PER_TASK = 64


def decode_image(encoded: bytes | pathlib.Path, mode: str, where: str) -> np.ndarray:
    """Decodes one image.

    Args:
      encoded: the content, or the file that holds it.
      mode: Pillow's name of the wanted form: "L", "RGB" or "RGBA".
      where: how errors name the image.

    Returns:
      uint8 [H, W, C].

    Raises:
      UserError: the image cannot be read.
    """
    from PIL import Image

    stream = io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded
    try:
        with Image.open(stream) as image:
            pixels = np.asarray(image.convert(mode))
    # Pillow's readers raise errors of many kinds on damaged files.
    except Exception as error:
        raise UserError(f"{where}: not a readable image ({error})") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def decode_all(
    num_images: int,
    decode_fn: Callable[[int], np.ndarray],
    where_fn: Callable[[int], str],
) -> np.ndarray:
    """Decodes images of one size into one array.

    Args:
      num_images: N >= 1.
      decode_fn: index -> uint8 [H, W, C]; called from several threads.
      where_fn: index -> how errors name that image.

    Returns:
      uint8 [N, H, W, C].

    Raises:
      UserError: an image has another size than the first.
    """
    shape = decode_fn(0).shape
    images = np.empty((num_images, *shape), np.uint8)

    def fill(start: int) -> None:
        for index in range(start, min(start + _IMAGES_PER_TASK, num_images)):
            pixels = decode_fn(index)
            if pixels.shape != shape:
                raise UserError(
                    f"{where_fn(index)}: image is {list(pixels.shape)}, but "
                    f"{where_fn(0)} is {list(shape)}: resize all to one [H, W, C]"
                )
            images[index] = pixels

    starts = range(0, num_images, _IMAGES_PER_TASK)
    if math.prod(shape[:2]) < _MIN_THREADED_PIXELS:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor() as pool:
            list(pool.map(fill, starts))
    return images
