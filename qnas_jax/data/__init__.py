"""Image classification sets: sources -> arrays on the device -> augmentation in jit."""

from qnas_jax.data.augment import Augmentation, augment, normalise
from qnas_jax.data.batches import epoch_order, num_steps, on_device, take_batch
from qnas_jax.data.dataset import Dataset, Split, make_dataset
from qnas_jax.data.options import DataOptions
from qnas_jax.data.peek import peek
from qnas_jax.data.sources import SOURCES, load

__all__ = [
    "SOURCES",
    "Augmentation",
    "DataOptions",
    "Dataset",
    "Split",
    "augment",
    "epoch_order",
    "load",
    "make_dataset",
    "normalise",
    "num_steps",
    "on_device",
    "peek",
    "take_batch",
]
