"""The protocol of the table published with NAS-Bench-201, and what it says.

A search sees accuracies on CIFAR-10's validation images after 12 epochs and stops after
12,000 s of training; its best arch, trained for 200 epochs, is tested on all data sets.

Source: Dong & Yang, NAS-Bench-201, ICLR 2020, table 5: 500 runs of each strategy.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from experiments.comparisons.contestants import CONTESTANTS, Contestant
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import (
    DATASETS,
    Incumbents,
    Table,
    TableOptions,
    incumbents,
    load_table,
    load_test,
    query_costs,
)
from qnas_jax.search.many import search_seeds

SECONDS = 12_000
PUBLISHED: dict[str, dict[str, tuple[float, float]]] = {
    "random": {
        "cifar10": (93.70, 0.36),
        "cifar100": (71.04, 1.07),
        "imagenet16_120": (44.57, 1.25),
    },
    "regularised evolution": {
        "cifar10": (93.92, 0.30),
        "cifar100": (71.84, 0.99),
        "imagenet16_120": (45.54, 1.03),
    },
    "reinforce": {
        "cifar10": (93.85, 0.37),
        "cifar100": (71.71, 1.09),
        "imagenet16_120": (45.24, 1.18),
    },
}
"""By strategy and data set (mean, deviation) of the test accuracy in percent."""

_MOST_EVALUATIONS = 200
"""How long a search is at most; the time ends it earlier."""


def run_published(
    names: Sequence[str], seeds: int, data_dir: str
) -> Iterator[dict[str, Any]]:
    """Repeats the protocol.

    Args:
      names: keys of `CONTESTANTS` that are evaluated one arch at a time.
      seeds: searches of each.
      data_dir: folder of the benchmark.

    Yields:
      A row a strategy and seed with the test accuracies of its arch on all data sets.
    """
    table = load_table(TableOptions(data_dir=data_dir))
    for name in names:
        best = _search(CONTESTANTS[name], table, seeds)
        tested = {
            task: load_test(TableOptions(dataset=task, data_dir=data_dir)).open(
                best.archs[:, 0]
            )
            for task in DATASETS
        }
        for seed in range(seeds):
            yield {
                "strategy": name,
                "seed": seed,
                "evaluations": int(best.evaluations[seed, 0]),
                "transfer": {task: float(tested[task][seed]) for task in DATASETS},
            }


def _search(contestant: Contestant, table: Table, seeds: int) -> Incumbents:
    """What the searches of one strategy had found when the time was over."""
    fidelity = table.fidelities[0]
    generations = contestant.generations(_MOST_EVALUATIONS)
    strategy = contestant.setting().make(table.num_ops, generations)
    keys = jax.vmap(jax.random.key)(np.arange(seeds))
    evaluate = ScoredBy(table.evaluator(fidelity))
    evaluated = search_seeds(strategy, evaluate, keys, generations)
    costs = query_costs(evaluated, "train_seconds", table=table, fidelities=(fidelity,))
    return incumbents(evaluated, costs, [SECONDS])
