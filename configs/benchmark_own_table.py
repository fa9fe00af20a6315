"""A benchmark of your own: a CSV file with a row for each architecture.

Question: which of the blocks in `configs/tables/example.csv` would a search find? The
file is an example of the form, its numbers are made up: three layers, two training
runs, a test value, seconds and parameters.

    python main.py --config=configs/benchmark_own_table.py --stage=benchmark

Your own file: `--config.table.file=my_table.csv` and the names of its columns, as
below; `qnas_jax/evaluation/tables/own_table.py` tells all that a file may hold. Columns
that begin alike can be named together: `--config.table.arch_columns='op_*'`.

Measured (20 searches, JAX 0.10.2, seconds on 2 CPU cores; best test value 0.9193):
after 5 / 10 / 20 evaluations 0.858 ± 0.047, 0.886 ± 0.027, 0.911 ± 0.013 (standard
deviation over searches, seeds 0 to 19; times were not kept).
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The example table, searched one architecture at a time."""
    config = default_config("benchmark")
    config.table.update(
        source="file",
        file="configs/tables/example.csv",
        arch_columns=("op_1", "op_2", "op_3"),
        validation_columns="valid_a, valid_b",
        test_columns=("test",),
        seconds_columns="seconds",
        cost_columns=("params_million",),
    )
    config.search.update(strategy="local_search", population=1)
    config.benchmark.update(seeds=20, budgets=(5.0, 10.0, 20.0))
    return config
