"""Whole searches against stated targets and published numbers, 20 seeds in one call."""

import jax
import numpy as np
import pytest
from long_programs import OPTIMISED
from made_strategies import made

from experiments.landscapes.additive import (
    bits_knapsack_evaluator,
    onemax_evaluator,
    pairs_knapsack_evaluator,
    read_knapsack,
)
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import (
    TableOptions,
    incumbents,
    load_table,
    load_test,
    query_costs,
)
from qnas_jax.searching import SearchOptions, scan_search
from qnas_jax.searching.many import search_seeds


def run_seeds(strategy, evaluate, generations, seed=0, num_seeds=20):
    keys = jax.random.split(jax.random.key(seed), num_seeds)
    run = jax.vmap(lambda key: scan_search(strategy, evaluate, key, generations))
    return jax.jit(run, compiler_options=OPTIMISED)(keys)


def test_q_bits_solve_onemax_84_with_default_options():
    assert SearchOptions().population == 20
    strategy = made("qbit", (2,) * 84)
    state, _ = run_seeds(strategy, onemax_evaluator(), 100)
    assert np.mean(state.best_score) >= 0.97


def test_released_search_is_no_better_than_its_start():
    weights = np.random.default_rng(0).random(84).astype(np.float32)

    def weighted(key, archs):
        del key
        return archs, archs @ weights

    strategy = made("bqnas_released", (2,) * 84)
    _, trace = run_seeds(strategy, weighted, 100)
    np.testing.assert_array_equal(trace.best[:, -1], trace.best[:, 0])


# Over 2,000 seeds QIGA-1 reaches 1399.0 +- 0.2 on 250 items here, and 1398.6 +- 0.2 in
# the authors' own program; the published mean of 20 runs is 7.5 above both, so that
# this row takes more seeds than the others.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "items", "published", "num_seeds"),
    [
        ("qiga1", 250, 1406.53, 60),
        ("qiga2", 250, 1467.41, 20),
        ("qiga1", 500, 2812.74, 20),
        ("qiga2", 500, 2929.47, 20),
    ],
)
def test_published_knapsack_results(data_dir, name, items, published, num_seeds):
    knapsack = read_knapsack(data_dir / "knapsack" / f"knapsack-{items}.txt")
    if name == "qiga1":
        num_ops, evaluate = (2,) * items, bits_knapsack_evaluator(knapsack)
    else:
        num_ops, evaluate = (4,) * (items // 2), pairs_knapsack_evaluator(knapsack)
    strategy = made(name, num_ops, population=10)
    _, trace = run_seeds(strategy, evaluate, 500, num_seeds=num_seeds)
    assert abs(np.mean(trace.generation_best[:, -1]) - published) <= 10


def test_random_search_in_the_published_protocol(data_dir):
    """NAS-Bench-201, table 5: 12,000 s of 12-epoch trainings on CIFAR-10.

    What was found there is tested on all three data sets; 500 runs each.
    """
    table = load_table(TableOptions(data_dir=str(data_dir)))
    strategy = made("random", table.num_ops, population=1)
    keys = jax.random.split(jax.random.key(0), 300)
    evaluated = search_seeds(strategy, ScoredBy(table.evaluator("12")), keys, 370)
    costs = query_costs(evaluated, "train_seconds", table=table, fidelities=("12",))
    found = incumbents(evaluated, costs, [12_000])
    assert found.exhausted.all() and (found.spent <= 12_000).all()
    published = {
        "cifar10": (93.70, 0.36),
        "cifar100": (71.04, 1.07),
        "imagenet16_120": (44.57, 1.25),
    }
    for dataset, (mean, spread) in published.items():
        options = TableOptions(dataset=dataset, data_dir=str(data_dir))
        tested = 100 * load_test(options).open(found.archs[:, 0])
        # Four standard errors of the difference of the two means.
        error = spread * np.sqrt(1 / 300 + 1 / 500)
        assert abs(tested.mean() - mean) < 4 * error
        assert tested.std(ddof=1) == pytest.approx(spread, rel=0.2)
