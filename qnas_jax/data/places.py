"""Where data lie: what every source may be told, and the folders that follow."""

import dataclasses
import os
import pathlib

from qnas_jax.data.tokens import TOKENS
from qnas_jax.errors import MissingFileError
from qnas_jax.files import user_cache
from qnas_jax.options import Options, option


def data_folder(data_dir: str, *, called: str = "data_dir") -> pathlib.Path | None:
    """The folder of data sets and benchmarks that a user named.

    Args:
      data_dir: its name; empty: that of QNAS_DATA_DIR.
      called: what `data_dir` is called, for the error.

    Returns:
      The folder; None if neither is set.

    Raises:
      MissingFileError: the named folder does not exist.
    """
    value = data_dir or os.environ.get("QNAS_DATA_DIR", "")
    if not value:
        return None
    root = pathlib.Path(value).expanduser()
    if not root.is_dir():
        raise MissingFileError(
            f"{root} is missing: set {called} or QNAS_DATA_DIR to a folder"
        )
    return root


@dataclasses.dataclass(frozen=True)
class PlaceOptions(Options):
    """What a source reads: names and folders, and the size that examples get."""

    name: str = option("", "TFDS name, for example cifar10, or UCR set, as ECG200")
    path: str = option(
        "",
        "npz file, image folder, folder of the IDX files, file or folder of series, or "
        "file of text",
    )
    split_file: str = option(
        "",
        "npz of positions (train, valid) that divides the training set; also below "
        "data_dir",
    )
    data_dir: str = option("", "folder of data sets; empty: QNAS_DATA_DIR")
    cache_dir: str = option(
        "", "folder of decoded sets; empty: qnas_jax/datasets in the user's cache"
    )

    image_size: int = option(
        0,
        "side in pixels of the squares that images of folder and tfds are resized and "
        "cropped to; 0: they have one size",
        low=0,
        high=16_384,
    )
    max_tokens: int = option(
        64,
        "words and punctuation marks of a sentence (what is longer is cut), or tokens "
        "of a window of running text",
        low=1,
    )
    tokens: str = option(
        "character",
        "what running text is cut into: characters; words and punctuation marks in "
        "lower case; or what stands between spaces, as it is",
        choices=TOKENS,
    )

    def data_root(self) -> pathlib.Path | None:
        """The folder of data sets, see `data_folder`."""
        return data_folder(self.data_dir, called="data.data_dir")

    def split_path(self) -> pathlib.Path:
        """Where the split file is: as named, else below the folder of data sets."""
        path = pathlib.Path(self.split_file).expanduser()
        root = self.data_root()
        if root is not None and not path.exists():
            return root / path
        return path

    def cache_root(self) -> pathlib.Path:
        """The folder that keeps decoded data sets; it need not exist yet."""
        if self.cache_dir:
            return pathlib.Path(self.cache_dir).expanduser()
        return user_cache("datasets")
