"""Small networks for series, all of them trained: what does a search find among them?

Question: how good is the network that each strategy finds among the 625 of
`series_mini`, each trained on 250 leaves of SwedishLeaf (UCR archive; 128 steps, 15
classes), judged by 250 validation and 625 test series?

    python main.py --config=configs/benchmark_small_series.py --stage=benchmark

A search sees validation accuracy after 18 epochs, or after a training of 6 (strategies
with fidelities). The table was made by

    python -m experiments.comparisons.small_benchmark --kind=series

in 4 minutes of processor time. All strategies, on the tables of images and text too:

    python -m experiments.comparisons.small_spaces

Measured: MEASURED
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The default strategy on the table."""
    config = default_config("benchmark")
    config.table.update(
        source="file",
        file="configs/tables/small_series.csv",
        arch_columns=("op_*",),
        validation_columns="6: short_valid_*; 18: valid_*",
        test_columns=("test_*",),
        seconds_columns="6: short_seconds; 18: seconds",
        cost_columns=("params", "macs"),
    )
    config.benchmark.update(seeds=200, budgets=(25.0, 50.0, 100.0))
    return config
