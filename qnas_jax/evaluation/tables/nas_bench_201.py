"""NAS-Bench-201: all 15,625 cells of six edges, trained on three data sets.

An arch is the op of each of the edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3 of the cell. There
are two fidelities: a schedule of 12 epochs, and the full one of 200.

What a search may see, as the benchmark's authors have it: on CIFAR-10 the accuracy on
25,000 training images that the other 25,000 did not train ("cifar10-valid"); on
CIFAR-100 and ImageNet16-120 the accuracy on that half of the official test set which
serves as validation set. Test values are of the 200 epochs, also for a search that sees
12: CIFAR-10's official test set after training on all 50,000, else the other half.

Single training runs: CIFAR-10 has two or three of each arch at 200 epochs. Of the other
data sets only the means over the runs are known at 200 epochs: their single values are
of the whole test set, and a search would see test images. At 12 epochs there is one run
(CIFAR-10: for about half of the archs the mean of two, which counts as one).

The time is that of the run behind the validation value, without the time to validate;
12 epochs take 12 / 200 of it.

Best test accuracies: 94.37 % (CIFAR-10), 73.51 % (CIFAR-100), 47.31 % (ImageNet16-120).

Source: Dong & Yang, NAS-Bench-201: Extending the scope of reproducible neural
architecture search, ICLR 2020. Latencies: Li et al., HW-NAS-Bench, ICLR 2021; Lee et
al., HELP, NeurIPS 2021.
"""

import pathlib
from collections.abc import Iterable

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.npz_file import read_archive
from qnas_jax.evaluation.tables.positions import rows_by_position
from qnas_jax.evaluation.tables.sealed_test import SealedTest
from qnas_jax.evaluation.tables.table import Table
from qnas_jax.spaces import CELL_OPS, SearchSpace

SPACE = SearchSpace("nas_bench_201", (CELL_OPS,) * 6)
DATASETS = ("cifar10", "cifar100", "imagenet16_120")
EPOCHS = ("12", "200")
"""The fidelities."""

_SOURCE = (
    "set data_dir or QNAS_DATA_DIR to the folder above it; the accuracies come from "
    "NATS-Bench, https://github.com/D-X-Y/NATS-Bench"
)


def load_nas_bench_201(data_dir: str | pathlib.Path, dataset: str = "cifar10") -> Table:
    """Reads what a search may see.

    Args:
      data_dir: folder that holds `nas_bench_201/nas_bench_201.npz` and, for the
        latencies on 27 devices, `nas_bench_201/latency_ms.npz`.
      dataset: one of `DATASETS`.

    Returns:
      The table; accuracies in [0, 1].

    Raises:
      MissingFileError: the file is not there.
      UserError: an unknown data set, or a damaged file.
    """
    _check_dataset(dataset)
    short, long = (f"{dataset}_valid_acc_{epochs}" for epochs in EPOCHS)
    single = f"{long}_per_seed"
    has_runs = dataset == "cifar10"
    seconds, params, flops = (
        f"{dataset}_{name}"
        for name in ("train_seconds_200", "params_million", "flops_million")
    )
    columns, rows = _read_columns(
        nas_bench_201_file(data_dir),
        (short, long, seconds, params, flops),
        runs=(single,) if has_runs else (),
    )
    full = columns[single] if has_runs else columns[long][:, None]
    return Table(
        name=f"nas_bench_201/{dataset}",
        space=SPACE,
        fidelities=EPOCHS,
        validation=(columns[short][:, None] / 100, full / 100),
        train_seconds=(columns[seconds] * np.float32(12 / 200), columns[seconds]),
        costs={
            "params_million": columns[params],
            "flops_million": columns[flops],
            **_read_latencies(_folder(data_dir), rows),
        },
        averaged=() if has_runs else (EPOCHS[1],),
    )


def load_nas_bench_201_test(
    data_dir: str | pathlib.Path, dataset: str = "cifar10"
) -> SealedTest:
    """Reads the test accuracies, in [0, 1], means over the runs of 200 epochs.

    Args:
      data_dir: as for `load_nas_bench_201`.
      dataset: one of `DATASETS`; another one than was searched on shows how an arch
        transfers, as in table 5 of the paper.

    Returns:
      The test values, to be opened once.

    Raises:
      MissingFileError: the file is not there.
      UserError: an unknown data set, or a damaged file.
    """
    _check_dataset(dataset)
    name = f"{dataset}_test_acc_200"
    columns, _ = _read_columns(nas_bench_201_file(data_dir), (name,))
    return SealedTest(f"nas_bench_201/{dataset}", SPACE, columns[name] / 100)


def nas_bench_201_file(data_dir: str | pathlib.Path) -> pathlib.Path:
    """The file of all accuracies and costs, below the folder of benchmarks."""
    return _folder(data_dir) / "nas_bench_201.npz"


def _folder(data_dir: str | pathlib.Path) -> pathlib.Path:
    return pathlib.Path(data_dir) / "nas_bench_201"


def _check_dataset(dataset: str) -> None:
    if dataset not in DATASETS:
        raise UserError(
            f"dataset: got {dataset!r}, expected one of {', '.join(DATASETS)}"
        )


def _read_columns(
    path: pathlib.Path, names: Iterable[str], runs: Iterable[str] = ()
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns by position, and the file's row of each position, int [15625].

    Columns are float32 [15625], those of single runs float32 [15625, R].
    """
    names, runs = tuple(names), tuple(runs)
    offsets = ("seed_offsets",) if runs else ()
    arrays = read_archive(
        path,
        ("ops", "op_names", *offsets, *names, *runs),
        table="the table of NAS-Bench-201",
        source=_SOURCE,
    )
    ops, op_names = arrays["ops"], tuple(arrays["op_names"].tolist())
    shapes = {ops.shape[:1], *(arrays[name].shape for name in names)}
    if op_names != CELL_OPS or ops.ndim != 2 or shapes != {(SPACE.size,)}:
        raise UserError(
            f"{path}: got ops {ops.shape} of {', '.join(map(str, op_names))} and "
            f"columns {sorted(shapes)}, expected ({SPACE.size}, {SPACE.num_layers}) of "
            f"{', '.join(CELL_OPS)}"
        )
    rows = rows_by_position(SPACE, ops.astype(np.int32), str(path))
    columns = {name: arrays[name][rows].astype(np.float32) for name in names}
    for name in runs:
        single = _single_runs(path, arrays[name], arrays["seed_offsets"])
        columns[name] = single[rows]
    return columns, rows


def _single_runs(
    path: pathlib.Path, values: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Rows of runs from the values of all, float32 [15625, R], NaN where none is."""
    counts = np.diff(offsets.astype(np.int64))
    fits = offsets.shape == (SPACE.size + 1,) and values.ndim == 1
    if not fits or counts.min() < 1 or offsets[0] or offsets[-1] != len(values):
        raise UserError(
            f"{path}: got seed_offsets {offsets.shape} and {values.size} single runs, "
            f"expected ({SPACE.size + 1},) that count them"
        )
    place = np.arange(counts.max())[None, :]
    padded = np.full((len(counts), len(place[0])), np.nan, np.float32)
    padded[place < counts[:, None]] = values
    return padded


def _read_latencies(folder: pathlib.Path, rows: np.ndarray) -> dict[str, np.ndarray]:
    """By `latency_ms/<device>` float32 [15625]; none if there is no such file."""
    path = folder / "latency_ms.npz"
    if not path.exists():
        return {}
    arrays = read_archive(
        path, ("devices", "latency_ms"), table="the latencies", source=_SOURCE
    )
    devices, latency = arrays["devices"].tolist(), arrays["latency_ms"]
    if latency.shape != (SPACE.size, len(devices)):
        raise UserError(
            f"{path}: got latency_ms {latency.shape}, expected "
            f"({SPACE.size}, {len(devices)})"
        )
    columns = latency[rows].astype(np.float32).T
    names = (f"latency_ms/{device}" for device in devices)
    return dict(zip(names, columns, strict=True))
