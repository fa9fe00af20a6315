"""The images that a model is asked about.

They come from a folder (all that Pillow reads, below it in any depth, by name) or from
one array of an npz file. They are decoded as the data sets are, in the channels of the
model; those of another size are resized and cropped to the model's, as data sets are by
`data.image_size`, which is told.
"""

import pathlib
from collections.abc import Callable, Iterator

import numpy as np

from qnas_jax.data.decode import decode_image, readable_suffixes
from qnas_jax.data.fitting import fit_image
from qnas_jax.errors import UserError
from qnas_jax.export import Model
from qnas_jax.jobs.nas.predicted_array import named_array
from qnas_jax.reading import printable

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_NAMES = ("images", "x", "x_test")


def images_of(
    path: pathlib.Path, model: Model, say: Callable[[str], object]
) -> tuple[list[str | int], np.ndarray]:
    """Reads the images of a folder or file.

    Args:
      path: a folder, or an npz file.
      model: of images.
      say: what is told of them, a line each.

    Returns:
      Names (or numbers) [N], and uint8 [N, H, W, C] as the model wants them.

    Raises:
      UserError: there are none, or they do not fit.
    """
    images = _of_folder(path, model) if path.is_dir() else _of_npz(path, model)
    names, pixels = [], []
    resized = 0
    for name, image in images:
        fitted = _fit(image, model, f"{path}, {name}")
        resized += fitted is not image
        names.append(name)
        pixels.append(fitted)
    if not names:
        raise UserError(f"--input: got {path}, which holds no image that Pillow reads")
    if resized:
        size = "{} x {}".format(*model.input_shape)
        say(f"{resized} of {len(names)} images resized and cropped to {size}")
    return names, np.stack(pixels)


def _of_folder(
    folder: pathlib.Path, model: Model
) -> Iterator[tuple[str | int, np.ndarray]]:
    """Images below a folder, by their paths in it."""
    mode = _MODES.get(model.input_shape[2])
    if mode is None:
        raise UserError(
            f"--input: got a folder, but the model wants {model.input_shape[2]} "
            "channels, which image files do not have; expected an npz file"
        )
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in readable_suffixes() and not hidden:
            name = printable(path.relative_to(folder))
            yield name, decode_image(path, mode, printable(path)).pixels


def _of_npz(path: pathlib.Path, model: Model) -> Iterator[tuple[str | int, np.ndarray]]:
    """Images of an array, by their numbers."""
    name, images = named_array(path, _NAMES)
    if images.ndim == 3 and model.input_shape[2] == 1:
        images = images[..., None]
    channels = model.input_shape[2]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != channels:
        raise UserError(
            f"{path}, {name}: got {images.dtype} {list(images.shape)}, expected uint8 "
            f"[N, H, W, {channels}] with values 0..255"
        )
    yield from enumerate(images)


def _fit(image: np.ndarray, model: Model, where: str) -> np.ndarray:
    """The image in the model's size."""
    if 0 in image.shape:
        raise UserError(f"{where}: got an image of {list(image.shape)}, without pixels")
    height, width, _ = model.input_shape
    return fit_image(image, height, width)
