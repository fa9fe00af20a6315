"""Small networks for series, all of them trained: what does a search find among them?

Question: how good is the network that each strategy finds among the 625 of
`series_mini`, each trained on 250 leaves of SwedishLeaf (UCR archive; 128 steps, 15
classes), judged by 250 validation and 625 test series?

    python main.py --config=configs/benchmark_small_series.py --stage=benchmark

A search sees validation accuracy after 18 epochs, or after a training of 6 (strategies
with fidelities). The table was made by

    python -m experiments.comparisons.small_benchmark --kind=series

in 4 minutes of processor time. All strategies, on the table of images too, and what
became of winners that were trained again:

    python -m experiments.comparisons.small_spaces
    python -m experiments.comparisons.small_winners

Measured (200 searches, JAX 0.10.2; test accuracy in percent after 25 / 50 / 100
evaluations): 85.66 ± 1.6, 86.11 ± 1.3 and 86.40 ± 0.99 by default. By
`small_spaces`, which asks for one network at a time, mean and half of the 95 % interval
of the mean 85.67 ± 0.21, 86.18 ± 0.17, 86.62 ± 0.13; random search 85.52 ± 0.22, 85.87
± 0.20, 86.13 ± 0.16. The network of the best validation accuracy has 87.36, the best of
all 88.32, and the mean of all is 75.56.
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
