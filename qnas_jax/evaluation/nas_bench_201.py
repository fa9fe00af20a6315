"""NAS-Bench-201 as an evaluator: every cell was trained, a score is a look-up.

An arch is the op of each of the six edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3 of the cell.
Strategies see validation accuracies only; the test accuracy is for the one arch that a
search ends with.

Source: Dong & Yang, NAS-Bench-201: Extending the scope of reproducible neural
architecture search, ICLR 2020.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.evaluation.npz_tables import read_arrays

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The ops of an edge, in the order of their numbers."""

NUM_OPS = (len(OPS),) * 6
"""Layers and ops of the space, as strategies want them."""

NUM_ARCHS = len(OPS) ** len(NUM_OPS)

DATASETS = ("cifar10", "cifar100", "imagenet16_120")
EPOCHS = (12, 200)


@dataclasses.dataclass(frozen=True, eq=False)
class NasBench201:
    """Accuracies and costs of all archs on one data set, by `index_of_arch`.

    Attributes:
      dataset: one of `DATASETS`.
      epochs: one of `EPOCHS`.
      valid: float32 [15625] validation accuracy in [0, 1], mean over training runs.
      test: float32 [15625] test accuracy in [0, 1]; for reports, not for selection.
      costs: by name (params_million, flops_million, train_seconds), float32 [15625];
        train_seconds is that of the run behind `valid`, for `epochs` epochs.
    """

    dataset: str
    epochs: int
    valid: np.ndarray
    test: np.ndarray
    costs: Mapping[str, np.ndarray]

    @property
    def num_ops(self) -> tuple[int, ...]:
        """Ops of each edge."""
        return NUM_OPS

    def evaluate(self, key: Array, archs: Array) -> tuple[Array, Array]:
        """Validation accuracies, as a search wants them; runs under jit and vmap.

        Args:
          key: not used, the table has no chance in it.
          archs: int [P, 6].

        Returns:
          (archs, float32 [P] in [0, 1]).
        """
        del key
        return archs, jnp.asarray(self.valid)[index_of_arch(archs)]

    def test_accuracy(self, arch: np.ndarray) -> float:
        """Test accuracy in [0, 1] of the arch [6] that a search ended with.

        Raises:
          ValueError: more than one arch, or an op that does not exist.
        """
        arch = np.asarray(arch)
        if arch.shape != (len(NUM_OPS),) or not np.isin(arch, range(len(OPS))).all():
            raise ValueError(
                f"arch: got {arch.tolist()}, expected the numbers of six ops, each in "
                f"0..{len(OPS) - 1}"
            )
        return float(self.test[int(index_of_arch(arch))])


def index_of_arch(archs: Array | np.ndarray) -> Array:
    """Position of archs in the tables: their ops as digits of base 5, first edge first.

    Args:
      archs: int [..., 6].

    Returns:
      int32 [...]; it is not the index that the benchmark itself counts by.
    """
    places = len(OPS) ** np.arange(len(NUM_OPS))[::-1]
    return jnp.asarray(archs, jnp.int32) @ jnp.asarray(places, jnp.int32)


def load_nas_bench_201(
    data_dir: str | pathlib.Path, dataset: str = "cifar10", epochs: int = 200
) -> NasBench201:
    """Reads the table of one data set.

    Args:
      data_dir: folder that holds `nas_bench_201/nas_bench_201.npz`.
      dataset: one of `DATASETS`.
      epochs: one of `EPOCHS`, two training schedules of their own.

    Returns:
      The benchmark.

    Raises:
      FileNotFoundError: the file is not there.
      ValueError: an unknown data set or schedule, or a damaged file.
    """
    if dataset not in DATASETS or epochs not in EPOCHS:
        raise ValueError(
            f"got dataset {dataset!r} and epochs {epochs!r}, expected one of "
            f"{', '.join(DATASETS)} and one of {', '.join(map(str, EPOCHS))}"
        )
    wanted = {
        "valid": f"{dataset}_valid_acc_{epochs}",
        "test": f"{dataset}_test_acc_{epochs}",
        "params_million": f"{dataset}_params_million",
        "flops_million": f"{dataset}_flops_million",
        "train_seconds": f"{dataset}_train_seconds_200",
    }
    path = pathlib.Path(data_dir) / "nas_bench_201" / "nas_bench_201.npz"
    columns = _read_columns(path, wanted)
    # Twelve epochs take 12 / 200 of the time.
    columns["train_seconds"] *= epochs / 200
    return NasBench201(
        dataset=dataset,
        epochs=epochs,
        valid=columns.pop("valid") / 100.0,
        test=columns.pop("test") / 100.0,
        costs=columns,
    )


def _read_columns(
    path: pathlib.Path, wanted: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Columns float32 [15625] in the order of `index_of_arch`."""
    arrays = read_arrays(
        path,
        {"ops", "op_names", *wanted.values()},
        table="the table of NAS-Bench-201",
        source=(
            "set --data_dir or QNAS_DATA_DIR to the folder above it; the accuracies "
            "come from NATS-Bench, https://github.com/D-X-Y/NATS-Bench"
        ),
    )
    ops = arrays["ops"].astype(np.int64)
    names = tuple(arrays["op_names"].tolist())
    columns = {key: arrays[name] for key, name in wanted.items()}
    return _in_order(path, ops, names, columns)


def _in_order(
    path: pathlib.Path,
    ops: np.ndarray,
    names: tuple[str, ...],
    columns: dict[str, np.ndarray],
) -> dict[str, np.ndarray]:
    shapes = {ops.shape[:1], *(column.shape for column in columns.values())}
    if names != OPS or ops.shape[1:] != (len(NUM_OPS),) or shapes != {(NUM_ARCHS,)}:
        raise ValueError(
            f"{path}: got ops {ops.shape} of {', '.join(names)} and columns {shapes}, "
            f"expected ({NUM_ARCHS}, {len(NUM_OPS)}) of {', '.join(OPS)}"
        )
    place = ops @ len(OPS) ** np.arange(len(NUM_OPS))[::-1]
    if not np.array_equal(np.sort(place), np.arange(NUM_ARCHS)):
        raise ValueError(f"{path}: an architecture is missing, or is there twice")
    rows = np.argsort(place)
    return {key: column[rows].astype(np.float32) for key, column in columns.items()}
