"""What a run may say about its data."""

import dataclasses
import os
import pathlib

from qnas_jax.errors import MissingFileError
from qnas_jax.options import OptionError, Options, option

_NEEDED = {
    "tfds": ("name", "a TFDS name such as cifar10 when source is tfds"),
    "npz": ("path", "a .npz file when source is npz"),
    "folder": ("path", "an image folder when source is folder"),
}


@dataclasses.dataclass(frozen=True)
class DataOptions(Options):
    """Where the images come from, how they are split and how many are used."""

    source: str = option(
        "digits",
        "kind of source",
        choices=("digits", "tfds", "mnist", "fashion_mnist", "npz", "folder"),
    )
    name: str = option("", "TFDS name, for example cifar10")
    path: str = option("", "npz file, image folder, or folder of the IDX files")
    data_dir: str = option("", "folder of data sets; empty: QNAS_DATA_DIR")
    valid_fraction: float = option(
        0.2,
        "share of the training split held out where the source has no valid split",
        above=0,
        below=1,
    )
    test_fraction: float = option(
        0.2, "share held out where the source has no test split", above=0, below=1
    )
    split_seed: int = option(0, "seed of every split and subset", low=0)
    max_train: int = option(0, "stratified subset of the train split; 0: all", low=0)
    max_valid: int = option(0, "stratified subset of the valid split; 0: all", low=0)
    max_test: int = option(0, "stratified subset of the test split; 0: all", low=0)
    cache_dir: str = option(
        "", "folder of decoded sets; empty: qnas_jax/datasets in the user's cache"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        field, allowed = _NEEDED.get(self.source, ("source", ""))
        if not getattr(self, field):
            raise OptionError(field, "", allowed)

    def data_root(self) -> pathlib.Path | None:
        """The folder of data sets: `data_dir`, else QNAS_DATA_DIR, else None.

        Raises:
          MissingFileError: a folder is named and does not exist.
        """
        value = self.data_dir or os.environ.get("QNAS_DATA_DIR", "")
        if not value:
            return None
        root = pathlib.Path(value).expanduser()
        if not root.is_dir():
            raise MissingFileError(
                f"{root} is missing: set data_dir or QNAS_DATA_DIR to a folder"
            )
        return root

    def cache_root(self) -> pathlib.Path:
        """The folder that keeps decoded data sets; it need not exist yet."""
        if self.cache_dir:
            return pathlib.Path(self.cache_dir).expanduser()
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return pathlib.Path(base).expanduser() / "qnas_jax" / "datasets"
