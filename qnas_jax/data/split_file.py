"""A published split: which training examples to learn from, and which to choose by.

Benchmarks trained their networks on a part of the training set that they publish as
positions (NAS-Bench-201: 25,000 images of CIFAR-10 to train on, the other 25,000 to
validate). A supernet that is held against such a benchmark should learn from the same
examples.
"""

import dataclasses
import pathlib

import numpy as np

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.errors import UserError
from qnas_jax.reading import read_npz

_WHAT = "an npz file of the arrays train and valid, positions in the training set"


def split_by_file(
    source: SourceSplits, path: pathlib.Path, positions: np.ndarray | None = None
) -> SourceSplits:
    """Divides the training examples of a source as a file says.

    Args:
      source: has no valid split of its own.
      path: npz file of `train` and `valid`, distinct whole numbers; examples that
        neither names are left out.
      positions: int [N], what number the file means for each training example of the
        source; None: they are counted as they come, from 0.

    Returns:
      The source with these two splits, in the order of the file.

    Raises:
      MissingFileError: the file is not there.
      UserError: it is no such file, or does not fit the source; one line names it.
    """
    if source.valid is not None:
        raise UserError(
            f"split_file: {source.name} has a valid split of its own, expected a "
            "source that has none"
        )
    count = len(source.train)
    chosen = _read(path, count)
    places = np.arange(count)
    if positions is not None:
        places[positions] = np.arange(count)
    train, valid = (source.train.take(places[chosen[name]]) for name in chosen)
    left = count - len(train) - len(valid)
    notes = (f"{path.name} leaves out {left} of {count} training examples",)
    return dataclasses.replace(
        source,
        train=train,
        valid=valid,
        notes=(*source.notes, *(notes if left else ())),
    )


def _read(path: pathlib.Path, count: int) -> dict[str, np.ndarray]:
    found = read_npz(path, ("train", "valid"), what=_WHAT)
    for name, numbers in found.items():
        if numbers.ndim != 1 or numbers.dtype.kind not in "ui" or not len(numbers):
            raise UserError(
                f"{path}: got {name} {numbers.dtype} {list(numbers.shape)}, expected "
                "whole numbers [M], at least one"
            )
        wrong = (numbers < 0) | (numbers >= count)
        if wrong.any():
            raise UserError(
                f"{path}: got position {numbers[wrong][0]} in {name}, expected "
                f"0..{count - 1}, a place in the training set"
            )
    numbers, times = np.unique(np.concatenate(list(found.values())), return_counts=True)
    if (times > 1).any():
        raise UserError(
            f"{path}: got position {numbers[times > 1][0]} twice, expected each once, "
            "in train or in valid"
        )
    return {name: numbers.astype(np.int64) for name, numbers in found.items()}
