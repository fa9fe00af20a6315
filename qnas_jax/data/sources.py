"""The registry of sources, and the one way to load a data set."""

import dataclasses
import functools
from collections.abc import Callable

from absl import logging

from qnas_jax.data.dataset import Dataset, SourceSplits, absent_classes
from qnas_jax.data.digits import load_digits
from qnas_jax.data.folder import load_folder
from qnas_jax.data.idx import load_idx
from qnas_jax.data.npz import load_npz
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.splitting import SplittingOptions, assemble
from qnas_jax.data.tfds_source import load_tfds
from qnas_jax.options import OptionError, option
from qnas_jax.reading import naming


@dataclasses.dataclass(frozen=True)
class Source:
    """Where examples may come from.

    Attributes:
      load: reads what the source offers.
      needs: option that must be set, or "".
      what: what that option is to be.
    """

    load: Callable[[PlaceOptions], SourceSplits]
    needs: str = ""
    what: str = ""


SOURCES: dict[str, Source] = {
    "digits": Source(load_digits),
    "tfds": Source(load_tfds, "name", "a TFDS name such as cifar10"),
    "mnist": Source(functools.partial(load_idx, "mnist")),
    "fashion_mnist": Source(functools.partial(load_idx, "fashion_mnist")),
    "npz": Source(load_npz, "path", "a .npz file"),
    "folder": Source(load_folder, "path", "an image folder"),
}


@dataclasses.dataclass(frozen=True)
class DataOptions(PlaceOptions, SplittingOptions):
    """Where the examples come from, how they are split and how many are used."""

    source: str = option("digits", "kind of source", choices=SOURCES)
    side: int = option(
        0, "height of the images that the supernet sees, pixels; 0: as they are", low=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        source = SOURCES[self.source]
        if source.needs and not getattr(self, source.needs):
            allowed = f"{source.what} when source is {self.source}"
            raise OptionError(source.needs, "", allowed)


def load(options: DataOptions) -> Dataset:
    """Loads, splits and checks a data set.

    The same options give the same data set, example for example. What is not used of
    the source, or not as it is, is told in a line each.

    Raises:
      MissingFileError: a named file or folder is missing.
      UserError: a file is unreadable or damaged, or the data do not form a
        classification set; the message names the place.
    """
    with naming(options.path or options.source):
        source = SOURCES[options.source].load(options)
    for note in (*source.notes, *absent_classes(source)):
        logging.warning("%s: %s", source.name, note)
    return assemble(source, options)
