"""Arrays of a work folder, in sealed `.npz` files."""

import io
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from qnas_jax.files import digest, replace_file
from qnas_jax.reading import check_archive, reason
from qnas_jax.runs.errors import RunError

_SEAL = "seal"


def write_arrays(path: pathlib.Path, **arrays: Any) -> None:
    """Writes a compressed `.npz` file whole or not at all, with a digest of it all."""
    values: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    buffer = io.BytesIO()
    seal: Any = np.asarray(_seal(values))
    np.savez_compressed(buffer, **values, **{_SEAL: seal})
    replace_file(path, buffer.getvalue())


def read_arrays(path: pathlib.Path, *names: str) -> list[np.ndarray]:
    """Reads arrays of a `.npz` file that `write_arrays` wrote.

    Args:
      path: file.
      *names: of the arrays.

    Returns:
      The arrays [...], in the order of the names.

    Raises:
      RunError: the file is damaged or changed, or lacks one of them.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            check_archive(path, stored)
            arrays = {name: stored[name] for name in stored.files}
        seal = str(arrays.pop(_SEAL))
        if seal != _seal(arrays):
            raise ValueError("not as it was written")
        return [arrays[name] for name in names]
    # One changed byte makes NumPy, zipfile and zlib raise errors of a dozen kinds.
    except Exception as error:
        raise RunError(
            f"{path}: damaged ({reason(error)}); delete it, and the same command makes "
            "it again"
        ) from None


def _seal(arrays: Mapping[str, np.ndarray]) -> str:
    parts = []
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        parts.append(f"{name} {array.dtype.str} {array.shape}".encode())
        parts.append(array.tobytes())
    return digest(*parts)
