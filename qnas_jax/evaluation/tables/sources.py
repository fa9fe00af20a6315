"""All tables by source: what a search sees, and the test values apart from it."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from qnas_jax.data import data_folder
from qnas_jax.evaluation.tables.nas_bench_201 import (
    DATASETS,
    load_nas_bench_201,
    load_nas_bench_201_test,
    nas_bench_201_file,
)
from qnas_jax.evaluation.tables.nas_bench_macro import (
    load_nas_bench_macro,
    load_nas_bench_macro_test,
    nas_bench_macro_file,
)
from qnas_jax.evaluation.tables.own_table import (
    OwnTableOptions,
    load_own_table,
    load_own_test,
)
from qnas_jax.evaluation.tables.sealed_test import SealedTest
from qnas_jax.evaluation.tables.table import Seed, Table
from qnas_jax.options import OptionError, option
from qnas_jax.reading import naming
from qnas_jax.shipped import shipped_file


class TableSource(NamedTuple):
    """How a benchmark is read.

    Attributes:
      load: `TableOptions` -> what a search may see.
      load_test: `TableOptions` -> the test values.
      file: `TableOptions` -> the file that both are read from.
      needs: options that must be set.
    """

    load: Callable[[Any], Table]
    load_test: Callable[[Any], SealedTest]
    file: Callable[[Any], pathlib.Path]
    needs: tuple[str, ...] = ()


TABLES = {
    "nas_bench_201": TableSource(
        lambda options: load_nas_bench_201(options.data_root(), options.dataset),
        lambda options: load_nas_bench_201_test(options.data_root(), options.dataset),
        lambda options: nas_bench_201_file(options.data_root()),
    ),
    "nas_bench_macro": TableSource(
        lambda options: load_nas_bench_macro(options.data_root()),
        lambda options: load_nas_bench_macro_test(options.data_root()),
        lambda options: nas_bench_macro_file(options.data_root()),
    ),
    "file": TableSource(
        load_own_table,
        load_own_test,
        lambda options: shipped_file(options.file),
        ("file", "arch_columns", "validation_columns"),
    ),
}
"""The values of `TableOptions.source`."""


@dataclasses.dataclass(frozen=True)
class TableOptions(OwnTableOptions):
    """A published benchmark or a user's own table, and what a search sees of it.

    Of several fidelities, columns of an own table are given as `12: val_12; 200:
    val_200`, the cheapest first; of several training runs, as `val_a, val_b`. The
    module `own_table` has examples.
    """

    source: str = option("nas_bench_201", "the benchmark", choices=TABLES)
    dataset: str = option("cifar10", "data set of nas_bench_201", choices=DATASETS)
    fidelity: str = option("", "how archs are evaluated; empty: the highest fidelity")
    seed: str = option(
        "mean", "training runs of a score: mean, random, or the number of a run"
    )
    data_dir: str = option("", "folder of the benchmarks; empty: QNAS_DATA_DIR")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed not in ("mean", "random") and not self.seed.isdecimal():
            raise OptionError("seed", self.seed, "mean, random, or the number of a run")
        for name in TABLES[self.source].needs:
            got = getattr(self, name)
            if not got:
                raise OptionError(name, got, f"needed where source is {self.source}")

    def seed_of_runs(self) -> Seed:
        """The seed as `Table.evaluator` takes it."""
        return int(self.seed) if self.seed.isdecimal() else self.seed

    def data_root(self) -> pathlib.Path:
        """The folder of benchmarks: `data_dir`, else QNAS_DATA_DIR, else the present.

        Raises:
          MissingFileError: a folder is named and does not exist.
        """
        return data_folder(self.data_dir, called="table.data_dir") or pathlib.Path()


def load_table(options: TableOptions) -> Table:
    """Reads what a search may see.

    Args:
      options: which table.

    Returns:
      The table, with the fidelity and seed of the options known to be in it.

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged, or lacks what the options name.
    """
    with naming(options.file or options.source):
        table = TABLES[options.source].load(options)
    table.evaluator(options.fidelity or None, options.seed_of_runs())
    return table


def load_test(options: TableOptions) -> SealedTest:
    """Reads the test values, to be opened once with the archs that searches ended with.

    Args:
      options: which table.

    Returns:
      The test values.

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged, or has no test values.
    """
    with naming(options.file or options.source):
        return TABLES[options.source].load_test(options)


def table_file(options: TableOptions) -> pathlib.Path:
    """The file that a table and its test values are read from.

    Args:
      options: which table.

    Raises:
      MissingFileError: a folder is named and does not exist.
    """
    return TABLES[options.source].file(options)
