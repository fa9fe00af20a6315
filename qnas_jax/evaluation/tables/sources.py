"""All tables by source: what a search sees, and the test values apart from it."""

from qnas_jax.evaluation.tables.nas_bench_201 import (
    load_nas_bench_201,
    load_nas_bench_201_test,
)
from qnas_jax.evaluation.tables.nas_bench_macro import (
    load_nas_bench_macro,
    load_nas_bench_macro_test,
)
from qnas_jax.evaluation.tables.options import SOURCES, TableOptions, TableSource
from qnas_jax.evaluation.tables.own_table import load_own_table, load_own_test
from qnas_jax.evaluation.tables.sealed_test import SealedTest
from qnas_jax.evaluation.tables.table import Table

SOURCES.update(
    nas_bench_201=TableSource(
        lambda options: load_nas_bench_201(options.data_root(), options.dataset),
        lambda options: load_nas_bench_201_test(options.data_root(), options.dataset),
    ),
    nas_bench_macro=TableSource(
        lambda options: load_nas_bench_macro(options.data_root()),
        lambda options: load_nas_bench_macro_test(options.data_root()),
    ),
    file=TableSource(load_own_table, load_own_test),
)


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
    table = SOURCES[options.source].load(options)
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
    return SOURCES[options.source].load_test(options)
