"""Small networks for digits, all of them trained: what does a search find among them?

Question: how good is the network that each strategy finds among the 576 of
`digits_tiny`, each trained on 200 handwritten digits of 8 x 8 pixels, judged by 539
validation and 719 test images?

    python main.py --config=configs/benchmark_small_images.py --stage=benchmark

The table was made by

    python -m experiments.comparisons.small_benchmark --kind=images

in 5 minutes of processor time (12 epochs a network). All strategies, on the table of
series too: `configs/benchmark_small_series.py`.

Measured (200 searches, JAX 0.10.2; test accuracy in percent after 25 / 50 / 100
evaluations): 94.71 ± 0.83, 94.85 ± 0.78 and 95.09 ± 0.68 by default. By
`small_spaces`, which asks for one network at a time, mean and half of the 95 % interval
of the mean 94.65 ± 0.12, 94.97 ± 0.11, 95.19 ± 0.09; random search 94.72 ± 0.11, 94.84
± 0.12, 95.16 ± 0.13: no difference. The network of the best validation accuracy has
94.99, the best of all 96.94, and the mean of all is 93.39.
"""

import ml_collections

from qnas_jax.jobs import named_config


def get_config() -> ml_collections.ConfigDict:
    """The default strategy on the table."""
    config = named_config("benchmark_small_series")
    config.table.update(
        file="configs/tables/small_images.csv",
        validation_columns="valid_*",
        seconds_columns="seconds",
    )
    return config
