"""Decoded data sets, kept as `.npz` so that each is decoded once.

A file is named after what it was decoded from. It is written whole or not at all, and
one that cannot be read is decoded again: the folder may be deleted at any time.
"""

import hashlib
import json
import os
import pathlib
import re
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
from absl import logging

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.images import image_split
from qnas_jax.data.split_names import SPLITS
from qnas_jax.reading import read_npz

# To be raised with every change of what is decoded or how it is stored.
_FORMAT = "2"


def file_identity(path: pathlib.Path) -> str:
    """A line that changes when the file is renamed, rewritten or replaced.

    The name counts as listed, not what a link points to: links say the class of a file.
    """
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ino}"


def size_identity(image_size: int) -> list[str]:
    """The line of the size that images get; none where they are as they are."""
    return [f"image_size {image_size}"] if image_size else []


def cached(
    cache_root: pathlib.Path,
    name: str,
    identity: Sequence[str],
    decode_fn: Callable[[], SourceSplits],
) -> SourceSplits:
    """Returns the kept copy of a data set, else decodes and keeps it.

    Args:
      cache_root: folder of the copies; made when it is missing.
      name: name of the data set, for the file name.
      identity: lines that change whenever the source does (paths, labels, sizes,
        times).
      decode_fn: decodes the source.
    """
    # JSON keeps names apart that hold line ends, or bytes that are no UTF-8.
    digest = hashlib.sha256(json.dumps([_FORMAT, name, *identity]).encode())
    stem = re.sub(r"[^\w.-]+", "_", name)
    path = cache_root / f"{stem}-{digest.hexdigest()[:16]}.npz"
    try:
        return _read(path, name)
    except FileNotFoundError:
        pass
    except (ValueError, KeyError) as error:
        logging.warning("decoding %s again: %s", name, error)
    splits = decode_fn()
    try:
        _write(path, splits)
    except OSError as error:
        logging.warning("%s is not kept for the next run: %s", name, error)
    return splits


def _read(path: pathlib.Path, name: str) -> SourceSplits:
    arrays = read_npz(path)
    splits = {
        split: image_split(arrays[f"x_{split}"], arrays[f"y_{split}"])
        for split in SPLITS
        if f"x_{split}" in arrays
    }
    return SourceSplits(
        name,
        splits["train"],
        splits.get("valid"),
        splits.get("test"),
        tuple(map(str, arrays["class_names"])),
        tuple(map(str, arrays["notes"])),
    )


def _write(path: pathlib.Path, splits: SourceSplits) -> None:
    arrays = {
        "class_names": np.array(splits.class_names, str),
        "notes": np.array(splits.notes, str),
    }
    for name, split in splits.present().items():
        arrays[f"x_{name}"] = split.inputs
        arrays[f"y_{name}"] = split.targets
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
