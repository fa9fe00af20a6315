"""NAS-Bench-Macro: all 6,561 chains of eight MobileNetV2-style layers, on CIFAR-10.

Each arch was trained three times, and all that exists of a training is its accuracy on
CIFAR-10's test set. A search that selects by the mean of the three and reports the same
mean reports an optimistic number. So a search here sees the first training, and the
test value is the mean of the other two: another draw of the training's randomness, if
not of the images, which are the same (a weaker separation than NAS-Bench-201's).

The best mean over all three is 93.13 % (ops 2, 2, 2, 1, 2, 2, 0, 2), the worst 45.36 %.

Source: Su et al., Prioritized architecture sampling with Monte-Carlo tree search, CVPR
2021, https://github.com/xiusu/NAS-Bench-Macro.
"""

import pathlib

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.npz_file import read_archive
from qnas_jax.evaluation.tables.positions import rows_by_position
from qnas_jax.evaluation.tables.sealed_test import SealedTest
from qnas_jax.evaluation.tables.table import Table
from qnas_jax.spaces import MACRO_OPS, SearchSpace

OPS = tuple(op.name for op in MACRO_OPS)
"""The ops of a layer, in the order of their numbers."""

SPACE = SearchSpace("nas_bench_macro", (OPS,) * 8)
NUM_RUNS = 3
_NAME = "nas_bench_macro/cifar10"


def load_nas_bench_macro(data_dir: str | pathlib.Path) -> Table:
    """Reads what a search may see: the first training of each arch, and its costs.

    Args:
      data_dir: folder that holds `nas_bench_macro/nas_bench_macro.npz`.

    Returns:
      The table; accuracies in [0, 1], costs params_million and flops_million.

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged.
    """
    archs, arrays = read_macro(data_dir, ("test_acc", "params", "flops"))
    rows = rows_by_position(SPACE, archs, "NAS-Bench-Macro")
    costs = {
        f"{name}_million": (arrays[name][rows] / 1e6).astype(np.float32)
        for name in ("params", "flops")
    }
    runs = arrays["test_acc"][rows].astype(np.float32)
    return Table(_NAME, SPACE, ("full",), (runs[:, :1] / 100,), (None,), costs)


def load_nas_bench_macro_test(data_dir: str | pathlib.Path) -> SealedTest:
    """Reads the test values: the mean accuracy in [0, 1] of the other two trainings.

    Args:
      data_dir: as for `load_nas_bench_macro`.

    Returns:
      The test values, to be opened once.

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged.
    """
    archs, arrays = read_macro(data_dir, ("test_acc",))
    rows = rows_by_position(SPACE, archs, "NAS-Bench-Macro")
    means = arrays["test_acc"][rows, 1:].mean(axis=1, dtype=np.float64) / 100
    return SealedTest(_NAME, SPACE, means.astype(np.float32))


def nas_bench_macro_file(data_dir: str | pathlib.Path) -> pathlib.Path:
    """The benchmark's file, below the folder of benchmarks."""
    return pathlib.Path(data_dir) / "nas_bench_macro" / "nas_bench_macro.npz"


def read_macro(
    data_dir: str | pathlib.Path, names: tuple[str, ...]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Reads the benchmark's file.

    Args:
      data_dir: folder that holds `nas_bench_macro/nas_bench_macro.npz`.
      names: of test_acc, params, flops.

    Returns:
      archs int32 [6561, 8] in the order of the file, and the arrays by name: test_acc
      [6561, 3] in percent, params and flops [6561].

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged.
    """
    path = nas_bench_macro_file(data_dir)
    arrays = read_archive(
        path,
        ("ops", *names),
        table="the table of NAS-Bench-Macro",
        source="set data_dir or QNAS_DATA_DIR to the folder above it",
    )
    shapes = {"ops": (SPACE.size, SPACE.num_layers), "test_acc": (SPACE.size, NUM_RUNS)}
    for name, array in arrays.items():
        expected = shapes.get(name, (SPACE.size,))
        if array.shape != expected:
            raise UserError(f"{path}: got {name} {array.shape}, expected {expected}")
    archs = arrays.pop("ops").astype(np.int32)
    return archs, arrays
