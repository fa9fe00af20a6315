"""Small networks for sentences, all of them trained: what does a search find?

Question: how good is the network that each strategy finds among the 625 of `text_mini`,
each trained on 1,500 sentences of SST-2, judged by 872 validation and 1,821 test
sentences?

    python main.py --config=configs/benchmark_small_text.py --stage=benchmark

The table was made by

    python -m experiments.comparisons.small_benchmark --kind=text

in 6 minutes of processor time (3 epochs a network). All strategies, on the tables of
images and series too: `configs/benchmark_small_series.py`.

Measured (200 searches, JAX 0.10.2; test accuracy in percent after 25 / 50 / 100
evaluations): 70.06 ± 0.91, 70.09 ± 0.88 and 70.17 ± 0.83 by default. By
`small_spaces`, which asks for one network at a time, mean and half of the 95 % interval
of the mean 69.81 ± 0.12, 70.12 ± 0.11, 70.22 ± 0.11; random search 69.81 ± 0.12, 69.97
± 0.14, 70.05 ± 0.13: no difference. The network of the best validation accuracy has
71.28, the best of all 71.88, and the mean of all is 68.90.
"""

import ml_collections

from qnas_jax.jobs import named_config


def get_config() -> ml_collections.ConfigDict:
    """The default strategy on the table."""
    config = named_config("benchmark_small_series")
    config.table.update(
        file="configs/tables/small_text.csv",
        validation_columns="valid_*",
        seconds_columns="seconds",
    )
    return config
