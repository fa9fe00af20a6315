"""MNIST and Fashion-MNIST in their IDX files, compressed or not.

Format: two zero bytes, the type (8 = unsigned byte), the rank, one big-endian uint32
for each dimension, then the bytes. Source: LeCun, Cortes & Burges, "The MNIST database
of handwritten digits", 1998; Xiao et al., "Fashion-MNIST", 2017.
"""

import gzip
import math
import pathlib
import struct
import zlib

import numpy as np

from qnas_jax.data.dataset import SourceSplits, Split
from qnas_jax.data.images import image_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import check_unpacked

CLASS_NAMES = {
    "mnist": tuple(map(str, range(10))),
    "fashion_mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
}


def load_idx(source: str, options: PlaceOptions) -> SourceSplits:
    """Reads the four files of `path`, else of `<data_dir>/<source>`.

    Args:
      source: key of `CLASS_NAMES`.
      options: the folder.

    Returns:
      The training and the test split.

    Raises:
      MissingFileError: no folder is named, or a file is missing.
      UserError: a file is damaged, or images and labels do not fit together.
    """
    folder = _folder(source, options)
    return SourceSplits(
        source,
        _read_split(folder, "train"),
        None,
        _read_split(folder, "t10k"),
        CLASS_NAMES[source],
    )


def read_idx(path: pathlib.Path, rank: int) -> np.ndarray:
    """Reads one IDX file of unsigned bytes.

    Args:
      path: the file; a name that ends in `.gz` is decompressed.
      rank: expected number of dimensions.

    Returns:
      uint8 [...] of that rank, the sizes as the header says.

    Raises:
      UserError: the file is truncated, of another format, type or rank.
    """
    magic = bytes((0, 0, 8, rank))
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            header = file.read(4 * (1 + rank))
            if header[:4] != magic or len(header) < 4 * (1 + rank):
                raise UserError(
                    f"{path}: starts with {header[:4].hex()}, expected {magic.hex()} "
                    f"(IDX, unsigned bytes, {rank} dimensions): get it again"
                )
            shape = struct.unpack(f">{rank}I", header[4:])
            check_unpacked(path, math.prod(shape), path.stat().st_size)
            # One byte more than there should be is enough to see that there are more.
            content = file.read(math.prod(shape) + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged gzip file ({error}): get it again") from error
    if len(content) != math.prod(shape):
        more = "more" if len(content) > math.prod(shape) else str(len(content))
        raise UserError(
            f"{path}: holds {more} values, "
            f"its header says {'x'.join(map(str, shape))}: get it again"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _folder(source: str, options: PlaceOptions) -> pathlib.Path:
    if options.path:
        return pathlib.Path(options.path).expanduser()
    root = options.data_root()
    if root is None:
        raise MissingFileError(
            f"no folder with the IDX files of {source}: set data.path to it, or "
            f"data.data_dir (or QNAS_DATA_DIR) to the folder that holds {source}/"
        )
    return root / source


def _read_split(folder: pathlib.Path, prefix: str) -> Split:
    images_path = _find(folder, f"{prefix}-images-idx3-ubyte")
    images = read_idx(images_path, rank=3)
    labels = read_idx(_find(folder, f"{prefix}-labels-idx1-ubyte"), rank=1)
    try:
        return image_split(images[..., None], labels.astype(np.int32))
    except ValueError as error:
        raise UserError(f"{images_path}: {error}") from error


def _find(folder: pathlib.Path, stem: str) -> pathlib.Path:
    for path in (folder / f"{stem}.gz", folder / stem):
        if path.is_file():
            return path
    raise MissingFileError(f"{folder / stem}.gz is missing, also without .gz")
