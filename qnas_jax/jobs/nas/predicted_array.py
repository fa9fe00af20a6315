"""The array of an npz file that a model is asked about."""

import pathlib
from collections.abc import Sequence

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.reading import read_npz


def named_array(path: pathlib.Path, names: Sequence[str]) -> tuple[str, np.ndarray]:
    """Finds it: one of some names, or the only one.

    Args:
      path: of the file.
      names: that are known, the first ones first.

    Returns:
      Its name, and the array [...], whatever its type.

    Raises:
      UserError: the file is damaged, or has none of these names and several others.
    """
    arrays = read_npz(path)
    named = [name for name in names if name in arrays]
    if not named and len(arrays) != 1:
        raise UserError(
            f"{path}: got arrays {', '.join(sorted(arrays)) or 'none'}, expected one "
            f"of {', '.join(names)}, or a single one"
        )
    name = named[0] if named else next(iter(arrays))
    return name, arrays[name]
