"""Which table is searched, and what of it a search sees."""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

from qnas_jax.errors import MissingFileError
from qnas_jax.evaluation.tables.nas_bench_201 import DATASETS
from qnas_jax.evaluation.tables.sealed_test import SealedTest
from qnas_jax.evaluation.tables.table import Seed, Table
from qnas_jax.options import OptionError, Options, option


class TableSource(NamedTuple):
    """How a benchmark is read.

    Attributes:
      load: reads what a search may see.
      load_test: reads the test values.
    """

    load: Callable[["TableOptions"], Table]
    load_test: Callable[["TableOptions"], SealedTest]


SOURCES: dict[str, TableSource] = {}
"""How each benchmark is read, by its name; `sources` fills it."""


@dataclasses.dataclass(frozen=True)
class TableOptions(Options):
    """A published benchmark, or a table of the user's own.

    Columns of a file are named as in its header; a name may have `*` for a group of
    columns (`op_*`). Where they may be of several fidelities they are given as
    `12: val_12; 200: val_200`, the cheapest first; of several training runs, as
    `val_a, val_b`. The module `own_table` has examples.
    """

    source: str = option("nas_bench_201", "the benchmark", choices=SOURCES)
    dataset: str = option("cifar10", "data set of nas_bench_201", choices=DATASETS)
    fidelity: str = option("", "how archs are evaluated; empty: the highest fidelity")
    seed: str = option(
        "mean", "training runs of a score: mean, random, or the number of a run"
    )
    data_dir: str = option("", "folder of the benchmarks; empty: QNAS_DATA_DIR")
    file: str = option("", "own table: CSV or npz")
    arch_columns: tuple[str, ...] = option(
        (), "own table: one column a layer, holding its op", of=str
    )
    op_names: str = option(
        "", "own table: ops of all layers, or layer by layer with ;  empty: as found"
    )
    validation_columns: str = option("", "own table: what a search sees")
    test_columns: tuple[str, ...] = option(
        (), "own table: what is reported, mean over columns", of=str
    )
    seconds_columns: str = option("", "own table: time of an evaluation, if known")
    cost_columns: tuple[str, ...] = option(
        (), "own table: parameters, latency, ..., if known", of=str
    )
    maximise: bool = option(True, "own table: whether larger values are better")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed not in ("mean", "random") and not self.seed.isdecimal():
            raise OptionError("seed", self.seed, "mean, random, or the number of a run")
        if self.source == "file":
            needed = ("file", "arch_columns", "validation_columns")
            for name in needed:
                if not getattr(self, name):
                    got = getattr(self, name)
                    raise OptionError(name, got, "needed where source is file")

    def seed_of_runs(self) -> Seed:
        """The seed as `Table.evaluator` takes it."""
        return int(self.seed) if self.seed.isdecimal() else self.seed

    def data_root(self) -> pathlib.Path:
        """The folder of benchmarks: `data_dir`, else QNAS_DATA_DIR, else the present.

        Raises:
          MissingFileError: a folder is named and does not exist.
        """
        value = self.data_dir or os.environ.get("QNAS_DATA_DIR") or "."
        root = pathlib.Path(value).expanduser()
        if not root.is_dir():
            raise MissingFileError(
                f"{root} is missing: set data_dir or QNAS_DATA_DIR to a folder"
            )
        return root
