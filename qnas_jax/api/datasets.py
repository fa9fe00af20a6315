"""Data sets from their sources or from arrays, and the tasks that they set."""

import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from qnas_jax.data import DataOptions, Dataset, load
from qnas_jax.errors import UserError
from qnas_jax.options import shown
from qnas_jax.tasks import Task, TaskOptions
from qnas_jax.tasks import make_task as task_of

Arrays = Mapping[str, Any] | tuple[Any, Any]
"""`{"x_train": ..., "y_train": ...}` with any of `x_valid`, `y_valid`, `x_test`,
`y_test` and `class_names`; or a pair of inputs and labels."""


def load_dataset(source: str | Arrays, **options: Any) -> Dataset:
    """Loads a data set, splits it and checks it.

    >>> import numpy as np, qnas_jax as qnas
    >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype("uint8")
    >>> data = qnas.load_dataset((images, np.arange(40) % 2), valid_fraction=0.25)
    >>> data.kind, data.input_shape, data.num_classes, len(data.valid)
    ('images', (8, 8, 1), 2, 8)

    Args:
      source: a name of `available("sources")`; or arrays by name, `x_train` and
        `y_train`, optionally `x_valid`, `y_valid`, `x_test`, `y_test`, `class_names`;
        or a pair (x, y). Images are uint8 [N, H, W(, C)], series floats [N, T(, C)],
        labels integers from 0.
      **options: fields of the group `data` of configurations: `path`, `name`,
        `valid_fraction`, `test_fraction`, `max_train`, ...

    Returns:
      The data set, with splits `train`, `valid` and `test`.

    Raises:
      UserError: the data are not there, or cannot be used.
    """
    if isinstance(source, str):
        return load(DataOptions(source=source, **options))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "arrays.npz"
        where: dict[str, Any] = write_arrays(source, path)
        return load(DataOptions(**options, **where))


def make_task(dataset: Dataset, name: str = "auto") -> Task:
    """What networks are trained for and judged by.

    >>> import qnas_jax as qnas
    >>> task = qnas.make_task(qnas.load_dataset("digits"))
    >>> task.score, task.input_shape, task.num_outputs
    ('accuracy', (8, 8, 1), 10)

    Args:
      dataset: what it is learnt from.
      name: of `available("tasks")`; "auto": what such data are for.

    Returns:
      The task.

    Raises:
      UserError: there is no such task, or it is for other data.
    """
    return task_of(TaskOptions(name=name), dataset)


def write_arrays(arrays: Arrays, path: pathlib.Path) -> dict[str, str]:
    """Writes arrays as a source reads them.

    Args:
      arrays: by name, or a pair.
      path: the npz file.

    Returns:
      The options `source` and `path` that name it.

    Raises:
      UserError: they are no arrays by name.
    """
    if isinstance(arrays, tuple) and len(arrays) == 2:
        arrays = {"x_train": arrays[0], "y_train": arrays[1]}
    if not isinstance(arrays, Mapping) or not all(isinstance(n, str) for n in arrays):
        raise UserError(
            f"data: got {type(arrays).__name__} {shown(arrays)}, expected arrays by "
            "name (x_train, y_train, ...) or a pair (x, y)"
        )
    stored = {name: _array(name, values) for name, values in arrays.items()}
    np.savez(path, allow_pickle=False, **stored)
    images = stored.get("x_train", np.zeros(0)).dtype == np.uint8
    return {"source": "npz" if images else "series", "path": str(path)}


def _array(name: str, values: Any) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:  # Its parts have different lengths.
        array = np.empty(0, object)
    if array.dtype == object:
        raise UserError(f"data: got {name} of objects, expected an array of numbers")
    return array
