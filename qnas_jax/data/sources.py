"""The registry of sources, and the one way to load a data set."""

from collections.abc import Callable

from qnas_jax.data.dataset import Dataset, SourceSplits
from qnas_jax.data.digits import load_digits
from qnas_jax.data.folder import load_folder
from qnas_jax.data.idx import load_idx
from qnas_jax.data.npz import load_npz
from qnas_jax.data.options import DataOptions
from qnas_jax.data.splitting import assemble
from qnas_jax.data.tfds_source import load_tfds

SOURCES: dict[str, Callable[[DataOptions], SourceSplits]] = {
    "digits": load_digits,
    "tfds": load_tfds,
    "mnist": load_idx,
    "fashion_mnist": load_idx,
    "npz": load_npz,
    "folder": load_folder,
}


def load(options: DataOptions) -> Dataset:
    """Loads, splits and checks a data set.

    The same options give the same data set, image for image.

    Raises:
      MissingFileError: a named file or folder is missing.
      UserError: a file is damaged, or the data do not form an image classification
        set; the message names the place.
    """
    return assemble(SOURCES[options.source](options), options)
