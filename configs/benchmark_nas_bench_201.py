"""How good is a strategy on NAS-Bench-201, over many searches?

Question: test accuracy of the best architecture by validation after 50, 100 and 200
evaluations. The data folder (`--config.table.data_dir` or QNAS_DATA_DIR) holds
`nas_bench_201/nas_bench_201.npz`.

    python main.py --config=configs/benchmark_nas_bench_201.py --stage=benchmark

Another strategy: `--config.search.strategy=local_search`; another data set:
`--config.table.dataset=cifar100`; single training runs instead of their mean, on
CIFAR-10: `--config.table.seed=random`. A budget of 12,000 s of training, as published:
`--config.table.fidelity=12 --config.benchmark.budget_in=train_seconds
--config.benchmark.budgets=12000 --config.benchmark.seeds=500`.

Measured (100 searches, JAX 0.10.2, seconds on 2 CPU cores; optimum 94.37):
    after 50 / 100 / 200 evaluations   93.99 ± 0.32   94.17 ± 0.24   94.31 ± 0.16
    12,000 s, 500 searches             94.01 ± 0.34 (random: 93.74 ± 0.33)
By all published settings (tournaments of 3, time of validation counted:
`experiments.comparisons.strategies`) regularised evolution has 93.92 ± 0.40 and random
search 93.75 ± 0.36; Dong & Yang 2020, table 5: 93.92 ± 0.30 and 93.70 ± 0.36.
± is the standard deviation over searches, seeds 0 and on; times were not kept.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """CIFAR-10, one architecture at a time, regularised evolution."""
    config = default_config("benchmark")
    config.search.update(strategy="regularized_evolution", population=1)
    config.regularized_evolution.parents = 10
    return config
