"""Small networks for sentences, all of them trained: what does a search find?

Question: how good is the network that each strategy finds among the 625 of `text_mini`,
each trained on 1,500 sentences of SST-2 (24 words of each, a vocabulary of 3,000),
judged by 872 validation and 1,821 test sentences?

    python main.py --config=configs/benchmark_small_text.py --stage=benchmark

The table was made by

    python -m experiments.comparisons.small_benchmark --kind=text

in MINUTES minutes of processor time (3 epochs a network). All strategies, on the tables
of images and series too: `configs/benchmark_small_series.py`.

Measured: MEASURED
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
