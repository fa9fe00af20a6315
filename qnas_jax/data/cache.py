"""Decoded data sets, kept as `.npz` so that each is decoded once.

A file is named after what it was decoded from. It is written whole or not at all, and
one that cannot be read is decoded again: the folder may be deleted at any time.
"""

import hashlib
import os
import pathlib
import re
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
from absl import logging

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.images import image_split
from qnas_jax.data.npz import read_npz

# To be raised with every change of what is decoded or how it is stored.
_FORMAT = "1"


def file_identity(path: pathlib.Path) -> str:
    """A line that changes when the file is moved, rewritten or replaced."""
    status = path.stat()
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"


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
      identity: lines that change whenever the source does (paths, sizes, times).
      decode_fn: decodes the source.
    """
    digest = hashlib.sha256("\n".join([_FORMAT, name, *identity]).encode())
    stem = re.sub(r"[^\w.-]+", "_", name)
    path = cache_root / f"{stem}-{digest.hexdigest()[:16]}.npz"
    if path.is_file():
        try:
            return _read(path, name)
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
        for split in ("train", "valid", "test")
        if f"x_{split}" in arrays
    }
    return SourceSplits(
        name,
        splits["train"],
        splits.get("valid"),
        splits.get("test"),
        tuple(map(str, arrays["class_names"])),
    )


def _write(path: pathlib.Path, splits: SourceSplits) -> None:
    arrays = {"class_names": np.array(splits.class_names)}
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
