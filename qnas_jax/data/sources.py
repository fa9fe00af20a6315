"""The registry of sources, and the one way to load a data set."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from absl import logging

from qnas_jax.data.dataset import (
    IMAGES,
    LANGUAGE,
    SERIES,
    TEXT,
    Dataset,
    SourceSplits,
    absent_classes,
)
from qnas_jax.data.digits import load_digits
from qnas_jax.data.folder import load_folder
from qnas_jax.data.idx import load_idx
from qnas_jax.data.npz import load_npz
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.running_text_files import load_coriolanus, load_plain_text
from qnas_jax.data.series_files import load_series, load_ucr
from qnas_jax.data.split_file import split_by_file
from qnas_jax.data.splitting import SplittingOptions, assemble
from qnas_jax.data.text import with_vocabulary
from qnas_jax.data.text_files import load_sst2, load_text
from qnas_jax.data.tfds_source import load_tfds, tfds_positions
from qnas_jax.options import OptionError, option
from qnas_jax.reading import naming


@dataclasses.dataclass(frozen=True)
class Source:
    """Where examples may come from.

    Attributes:
      load: reads what the source offers.
      needs: option that must be set, or "".
      what: what that option is to be.
      positions: for each training example its number in published splits, int [N];
        None: they are counted as they come.
      kind: what the examples are, see `Dataset.kind`.
      resizes: whether `image_size` gives its images one size.
    """

    load: Callable[[PlaceOptions], SourceSplits]
    needs: str = ""
    what: str = ""
    positions: Callable[[PlaceOptions], np.ndarray] | None = None
    kind: str = IMAGES
    resizes: bool = False


SOURCES: dict[str, Source] = {
    "digits": Source(load_digits),
    "tfds": Source(
        load_tfds,
        "name",
        "a TFDS name such as cifar10",
        positions=tfds_positions,
        resizes=True,
    ),
    "mnist": Source(functools.partial(load_idx, "mnist")),
    "fashion_mnist": Source(functools.partial(load_idx, "fashion_mnist")),
    "npz": Source(load_npz, "path", "a .npz file"),
    "folder": Source(load_folder, "path", "an image folder", resizes=True),
    "ucr": Source(
        load_ucr, "name", "a set of the UCR archive such as ECG200", kind=SERIES
    ),
    "series": Source(
        load_series,
        "path",
        "a .npz, .csv, .tsv or .ts file of series, a folder of them, or of recordings "
        "by class",
        kind=SERIES,
    ),
    "sst2": Source(load_sst2, kind=TEXT),
    "text": Source(
        load_text,
        "path",
        "a .tsv or .csv file of sentences and classes, or a folder of them",
        kind=TEXT,
    ),
    "coriolanus": Source(load_coriolanus, kind=LANGUAGE),
    "plain_text": Source(
        load_plain_text,
        "path",
        "a .txt file of running text, or a folder of them",
        kind=LANGUAGE,
    ),
}


@dataclasses.dataclass(frozen=True)
class DataOptions(PlaceOptions, SplittingOptions):
    """Where the examples come from, how they are split and how many are used."""

    source: str = option("digits", "kind of source", choices=SOURCES)
    side: int = option(
        0, "height of the images that the supernet sees, pixels; 0: as they are", low=0
    )
    vocabulary: int = option(
        10_000,
        "words that are known of text (tokens of running text): the most frequent ones "
        "of the training split",
        low=1,
        high=65_534,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        source = SOURCES[self.source]
        if source.needs and not getattr(self, source.needs):
            allowed = f"{source.what} when source is {self.source}"
            raise OptionError(source.needs, "", allowed)
        if self.image_size and not source.resizes:
            allowed = f"0 when source is {self.source}: its examples have one size"
            raise OptionError("image_size", self.image_size, allowed)
        if self.side and source.kind != IMAGES:
            allowed = f"0 when source is {self.source}: only images have sides"
            raise OptionError("side", self.side, allowed)


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
        kind = SOURCES[options.source]
        source = kind.load(options)
        if options.split_file:
            positions = kind.positions(options) if kind.positions else None
            source = split_by_file(source, options.split_path(), positions)
    for note in (*source.notes, *absent_classes(source)):
        logging.warning("%s: %s", source.name, note)
    dataset = assemble(source, options)
    if kind.kind in (TEXT, LANGUAGE):
        return with_vocabulary(dataset, options.vocabulary)
    return dataset
