"""Data sets: sources -> arrays on the device -> augmentation in jit."""

from qnas_jax.data.augment import Augmentation, augment, normalise
from qnas_jax.data.batches import epoch_order, num_steps, on_device, take_batch
from qnas_jax.data.dataset import (
    IMAGES,
    LANGUAGE,
    SERIES,
    TEXT,
    Dataset,
    SourceSplits,
    Split,
)
from qnas_jax.data.images import image_split, pixel_statistics
from qnas_jax.data.peek import peek
from qnas_jax.data.places import data_folder
from qnas_jax.data.resizing import resized, resized_shape
from qnas_jax.data.running_text import is_of_characters
from qnas_jax.data.series import channel_statistics, series_split
from qnas_jax.data.series_augment import SeriesAugmentation, augment_series
from qnas_jax.data.sources import SOURCES, DataOptions, load
from qnas_jax.data.text import PADDING, UNKNOWN

__all__ = [
    "IMAGES",
    "LANGUAGE",
    "PADDING",
    "SERIES",
    "SOURCES",
    "TEXT",
    "UNKNOWN",
    "Augmentation",
    "DataOptions",
    "Dataset",
    "SeriesAugmentation",
    "SourceSplits",
    "Split",
    "augment",
    "augment_series",
    "channel_statistics",
    "data_folder",
    "epoch_order",
    "image_split",
    "is_of_characters",
    "load",
    "normalise",
    "num_steps",
    "on_device",
    "peek",
    "pixel_statistics",
    "resized",
    "resized_shape",
    "series_split",
    "take_batch",
]
