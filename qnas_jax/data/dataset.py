"""The form every data set takes: splits of inputs and targets.

Nothing here knows where examples come from, nor what they are: images are checked where
they are made (`images.py`), what is done with them is a task's (`qnas_jax.tasks`).
`SourceSplits` holds what a source offers (perhaps no valid or test split of its own),
`Dataset` what a run uses.
"""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from qnas_jax.errors import UserError

_FEW = 3  # names given as examples

IMAGES, SERIES, TEXT, LANGUAGE = "images", "series", "text", "language"
"""Kinds of examples: uint8 [H, W, C], float32 [T, C], int32 [T] (numbers of words), and
the same with a target for each word, int32 [T]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Examples: what networks see, and what they should say of it.

    Raises:
      UserError: as many inputs as targets are expected, and at least one.
    """

    inputs: np.ndarray  # [N, ...]
    targets: np.ndarray  # [N, ...]; of classes int32 [N], numbers from 0

    def __post_init__(self) -> None:
        inputs, targets = self.inputs, self.targets
        if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets):
            raise UserError(
                f"got inputs {describe_array(inputs)} and targets "
                f"{describe_array(targets)}, expected as many of each"
            )
        if inputs.size == 0:
            raise UserError(
                f"split is empty: inputs have shape {inputs.shape}, "
                "expected at least 1 example of at least 1 value"
            )

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: np.ndarray) -> "Split":
        """The examples at `indices` int [M], in that order."""
        return Split(self.inputs[indices], self.targets[indices])


@dataclasses.dataclass(frozen=True, eq=False)
class SourceSplits:
    """What a source offers before anything is held out or left out.

    Attributes:
      name: identifier of the data set.
      train: the examples to learn from.
      valid: those to choose by; None: to be held out of `train`.
      test: those to look at once, at the end; None: likewise.
      class_names: one name for each class; empty where targets are no classes.
      notes: what a user should know of how the files were read, a line each.
      words: of text, what each number stands for; empty for other data.

    Raises:
      UserError: as for `Dataset`.
    """

    name: str
    train: Split
    valid: Split | None
    test: Split | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_splits(self.name, self.present(), self.class_names)

    def present(self) -> dict[str, Split]:
        """The splits that exist, by name, train first."""
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: split for name, split in splits.items() if split is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A data set ready for a run.

    Attributes:
      name: identifier, used in work folders and reports.
      train: what weights are fitted to; every class has at least one example.
      valid: what architectures are scored on.
      test: what is looked at once, at the end.
      class_names: one name for each class; empty where targets are no classes.
      words: of text, what each number stands for; empty for other data.

    Raises:
      UserError: a label outside of the classes, a class without a training example, or
        splits whose inputs differ in shape.
    """

    name: str
    train: Split
    valid: Split
    test: Split
    class_names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        splits = {"train": self.train, "valid": self.valid, "test": self.test}
        _check_splits(self.name, splits, self.class_names)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def kind(self) -> str:
        """What the examples are, by the form of their array."""
        words = LANGUAGE if self.train.targets.ndim == 2 else TEXT
        kinds = {np.dtype(np.uint8): IMAGES, np.dtype(np.int32): words}
        return kinds.get(self.train.inputs.dtype, SERIES)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input; of images (H, W, C), series (T, C), text (T,)."""
        return self.train.inputs.shape[1:]


def _check_splits(
    name: str, splits: Mapping[str, Split], class_names: tuple[str, ...]
) -> None:
    shape = splits["train"].inputs.shape[1:]
    for where, split in splits.items():
        if split.inputs.shape[1:] != shape:
            raise UserError(
                f"{name}: {where} inputs are {list(split.inputs.shape[1:])}, train "
                f"inputs {list(shape)}: expected the same shape in every split"
            )
    if class_names:
        _check_classes(name, splits, class_names)


def _check_classes(
    name: str, splits: Mapping[str, Split], class_names: tuple[str, ...]
) -> None:
    for where, split in splits.items():
        wrong = (split.targets < 0) | (split.targets >= len(class_names))
        if wrong.any():
            raise UserError(
                f"{name}: {where} label {split.targets[wrong][0]} at position "
                f"{np.argmax(wrong)} is out of range, "
                f"expected 0..{len(class_names) - 1}"
            )
    if len(class_names) == 1:
        raise UserError(
            f"{name}: got one class ({class_names[0]}), expected at least 2"
        )
    counts = np.bincount(splits["train"].targets, minlength=len(class_names))
    if (counts == 0).any():
        empty = int(np.argmin(counts))
        raise UserError(
            f"{name}: class {empty} ({class_names[empty]}) has no example in the train "
            "split, expected at least 1: add some, drop the class or raise "
            "data.max_train"
        )


def absent_classes(source: SourceSplits) -> list[str]:
    """A line for each split that has no example of some class."""
    lines: list[str] = []
    if not source.class_names:
        return lines
    for where, split in source.present().items():
        counts = np.bincount(split.targets, minlength=len(source.class_names))
        absent = [source.class_names[k] for k in np.flatnonzero(counts == 0)]
        if absent:
            more = ", ..." if len(absent) > _FEW else ""
            lines.append(
                f"{where} has no example of {len(absent)} of {len(source.class_names)} "
                f"classes ({', '.join(absent[:_FEW])}{more})"
            )
    return lines


def sorted_classes(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels, by number if all are whole numbers, else by letters."""
    seen = set(labels)
    try:
        return tuple(sorted(seen, key=int))
    except ValueError:
        return tuple(sorted(seen))


def describe_array(array: np.ndarray) -> str:
    """Type and shape of any array in words, for errors: "uint8 [5, 28, 28]"."""
    return f"{array.dtype} {list(array.shape)}"
