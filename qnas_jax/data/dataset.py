"""The form every data set takes: three checked splits of uint8 images.

Nothing here knows where images come from. `SourceSplits` holds what a source offers
(perhaps no valid or test split of its own), `Dataset` what a run uses.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from qnas_jax.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Raises:
      UserError: wrong dtype or rank, different lengths, or no image at all.
    """

    images: np.ndarray  # uint8 [N, H, W, C], 0..255
    labels: np.ndarray  # int32 [N], class numbers from 0

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 4:
            raise UserError(
                f"images: got {_describe(images)}, expected uint8 [N, H, W, C]"
            )
        if labels.dtype != np.int32 or labels.ndim != 1:
            raise UserError(f"labels: got {_describe(labels)}, expected int32 [N]")
        if len(images) != len(labels):
            raise UserError(
                f"got {len(images)} images and {len(labels)} labels, expected as many"
            )
        if images.size == 0:
            raise UserError(
                f"split is empty: images have shape {images.shape}, "
                "expected at least 1 image of at least 1 pixel"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        """The examples at `indices` int [M], in that order."""
        return Split(self.images[indices], self.labels[indices])


@dataclasses.dataclass(frozen=True, eq=False)
class SourceSplits:
    """What a source offers before anything is held out or left out.

    Raises:
      UserError: as for `Dataset`.
    """

    name: str
    train: Split
    valid: Split | None
    test: Split | None
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_splits(self.name, self.present(), self.class_names)

    def present(self) -> dict[str, Split]:
        """The splits that exist, by name, train first."""
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: split for name, split in splits.items() if split is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A data set ready for a run; `make_dataset` computes the statistics.

    Attributes:
      name: identifier, used in work folders and reports.
      train: what weights are fitted to; every class has at least one image.
      valid: what architectures are scored on.
      test: what is looked at once, at the end.
      class_names: one name for each label.
      mean: float32 [C], of the train split's pixels in [0, 1].
      std: float32 [C], of the same pixels, positive.

    Raises:
      UserError: a label outside of the classes, a class without a training image,
        splits whose images differ in shape, or unusable statistics.
    """

    name: str
    train: Split
    valid: Split
    test: Split
    class_names: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray

    def __post_init__(self) -> None:
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        _check_splits(self.name, splits, self.class_names)
        channels = self.image_shape[-1:]
        for what, values in (("mean", self.mean), ("std", self.std)):
            if values.dtype != np.float32 or values.shape != channels:
                raise UserError(
                    f"{self.name}: {what}: got {_describe(values)}, "
                    f"expected float32 {list(channels)}"
                )
        if not (np.isfinite(self.mean).all() and (self.std > 0).all()):
            raise UserError(
                f"{self.name}: got mean {self.mean} and std {self.std}, expected "
                "finite means and std > 0: remove channels that never change"
            )

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels


def make_dataset(
    name: str, train: Split, valid: Split, test: Split, class_names: tuple[str, ...]
) -> Dataset:
    """Builds a `Dataset` with the statistics of its train split."""
    mean, std = pixel_statistics(train.images)
    return Dataset(name, train, valid, test, class_names, mean, std)


def pixel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, exact up to rounding.

    Histograms of the 256 values need no floating-point copy of the images.

    Args:
      images: uint8 [N, H, W, C].

    Returns:
      mean and (biased) standard deviation, float32 [C], of pixels in [0, 1].
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(images.shape[-1]):
        counts = np.bincount(images[..., channel].ravel(), minlength=256)
        mean = counts @ values / counts.sum()
        means.append(mean)
        deviations.append(np.sqrt(counts @ (values - mean) ** 2 / counts.sum()))
    return np.asarray(means, np.float32), np.asarray(deviations, np.float32)


def _check_splits(
    name: str, splits: Mapping[str, Split], class_names: tuple[str, ...]
) -> None:
    shape = splits["train"].images.shape[1:]
    for where, split in splits.items():
        if split.images.shape[1:] != shape:
            raise UserError(
                f"{name}: {where} images are {list(split.images.shape[1:])}, train "
                f"images {list(shape)}: expected the same [H, W, C] in every split"
            )
        wrong = (split.labels < 0) | (split.labels >= len(class_names))
        if wrong.any():
            raise UserError(
                f"{name}: {where} label {split.labels[wrong][0]} at position "
                f"{np.argmax(wrong)} is out of range, "
                f"expected 0..{len(class_names) - 1}"
            )
    counts = np.bincount(splits["train"].labels, minlength=len(class_names))
    if (counts == 0).any():
        empty = int(np.argmin(counts))
        raise UserError(
            f"{name}: class {empty} ({class_names[empty]}) has no image in the train "
            "split, expected at least 1: add images, drop the class or raise max_train"
        )


def _describe(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"
