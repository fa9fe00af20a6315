"""Is a budget kept by every strategy, and how near do searches come to its optimum?

Tables of all architectures are searched under limits on multiply-adds, parameters and
latency, chosen as quantiles of the table. For each strategy and limit: searches all of
whose evaluations kept it, the validation accuracy of the best, against the best that
keeps the limit, and how many different architectures were evaluated. Strategies of
several objectives, `front/NAME`, see accuracy and the limited costs.

python -m experiments.comparisons.budgets [--seeds=100] [--evaluations=200] \
    [--only=memory_registers,front/nsga2,...] [--out=rows.jsonl]
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.measuring.rows import append_rows
from qnas_jax.data import data_folder
from qnas_jax.errors import UserError
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import ObjectiveLookup, Table, table_budget
from qnas_jax.evaluation.tables.nas_bench_201 import load_nas_bench_201
from qnas_jax.evaluation.tables.nas_bench_macro import load_nas_bench_macro
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.searching import STRATEGIES, make_strategy
from qnas_jax.searching.many import search_seeds
from qnas_jax.searching.pareto import (
    FRONT_STRATEGIES,
    front_seeds,
    make_front_strategy,
)
from qnas_jax.searching.repair import Constrained, make_repair
from qnas_jax.spaces import ConstraintOptions, ListedBudget

POPULATION = 10
SHARES = (0.1, 0.5)
"""Quantiles of a cost that the limits are."""

FRONT = "front/"
"""What the names of strategies of several objectives begin with."""

NAMES = (*STRATEGIES, *(FRONT + name for name in FRONT_STRATEGIES))

EVEN_ONLY = ("bqnas_released",)
"""Strategies for numbers of ops that are powers of two, which the tables lack."""


def constraints(table: Table, share: float) -> Iterator[tuple[str, ConstraintOptions]]:
    """Limits that a share of the table keeps, by what they are about."""

    def most(column: str) -> float:
        return float(np.nanquantile(table.costs[column], share))

    macs, params = 1e6 * most("flops_million"), 1e6 * most("params_million")
    yield "macs", ConstraintOptions(max_macs=int(macs))
    yield (
        "macs and params",
        ConstraintOptions(max_macs=int(macs), max_params=int(params)),
    )
    if "latency_ms/pixel3" in table.costs:
        yield (
            "pixel3",
            ConstraintOptions(
                max_latency_ms=most("latency_ms/pixel3"), device="pixel3"
            ),
        )


def search(
    table: Table, budget: ListedBudget, name: str, keys: jax.Array, generations: int
) -> np.ndarray:
    """What searches under a budget evaluate, one a key [S]: archs [S, G, P, L]."""
    strategy = make_strategy(
        name, table.num_ops, population=POPULATION, generations=generations
    )
    if strategy.fidelities is None:
        evaluator = table.evaluator()
    else:
        evaluator = table.multi_fidelity_evaluator()
    evaluate = Constrained(ScoredBy(evaluator), make_repair(budget))
    return np.asarray(search_seeds(strategy, evaluate, keys, generations).archs)


def search_front(
    table: Table, budget: ListedBudget, name: str, keys: jax.Array, generations: int
) -> np.ndarray:
    """The same of a strategy that sees the score and the negatives of limited costs."""
    limits = tuple(budget.limits.values())
    settings = {"targets": limits} if name == "weighted_product" else {}
    strategy = make_front_strategy(
        name,
        table.num_ops,
        num_objectives=1 + len(limits),
        population=POPULATION,
        generations=generations,
        options=FRONT_STRATEGIES[name].options(**settings),
    )
    columns = [table.scores(), *(-budget.columns[cost] for cost in budget.limits)]
    lookup = ObjectiveLookup(np.stack(columns).astype(np.float32), table.space)
    evaluate = Constrained(lookup, make_repair(budget))
    return np.asarray(front_seeds(strategy, evaluate, keys, generations).archs)


def measure(
    table: Table, budget: ListedBudget, name: str, seeds: int, evaluations: int
) -> dict[str, Any]:
    """Searches of one of `NAMES` under one budget."""
    generations = -(-evaluations // POPULATION)
    keys = jax.random.split(jax.random.key(0), seeds)
    run = search_front if name.startswith(FRONT) else search
    found = run(table, budget, name.removeprefix(FRONT), keys, generations)
    archs = found.reshape(seeds, -1, table.space.num_layers)
    places = table.index(archs)
    values = table.scores()
    kept = budget.within(archs.reshape(-1, archs.shape[-1])).reshape(seeds, -1)
    best = values[places].max(axis=1)
    every = budget.within(table.archs(np.arange(table.space.size)))
    return {
        "searches": seeds,
        "kept": int(kept.all(axis=1).sum()),
        "best": float(best.mean()),
        "sd": float(best.std(ddof=1)),
        "optimum": float(np.nanmax(values[every])),
        "allowed": int(every.sum()),
        "distinct": float(np.mean([len(np.unique(row)) for row in places])),
        "evaluations": generations * POPULATION,
    }


def runs(table: Table, name: str) -> bool:
    """Whether a strategy can search a table."""
    needs_fidelities = name in STRATEGIES and STRATEGIES[name].needs_fidelities
    return name not in EVEN_ONLY and not (
        needs_fidelities and len(table.fidelities) < 2
    )


def main(_: Sequence[str]) -> None:
    """Measures and prints a line a strategy and budget."""
    use_compilation_cache()
    folder = data_folder("")
    if folder is None:
        raise UserError("QNAS_DATA_DIR: got nothing, expected the folder of the tables")
    tables = (load_nas_bench_201(folder), load_nas_bench_macro(folder))
    for table in tables:
        names = [each for each in _ONLY.value or NAMES if runs(table, each)]
        for share in SHARES:
            for what, options in constraints(table, share):
                budget = table_budget(table, options)
                assert budget is not None
                for name in names:
                    row = {
                        "table": table.name,
                        "limit": what,
                        "share": share,
                        "strategy": name,
                        **measure(
                            table, budget, name, _SEEDS.value, _EVALUATIONS.value
                        ),
                    }
                    append_rows(_OUT.value, [row])
                    print(
                        "{table}, {limit} of {share:.0%}, {strategy}: kept {kept} of "
                        "{searches}; best {best:.4f} ± {sd:.4f} of {optimum:.4f}; "
                        "{distinct:.0f} of {evaluations} differ".format(**row),
                        flush=True,
                    )


if __name__ == "__main__":
    _SEEDS = flags.DEFINE_integer("seeds", 100, "searches of each", lower_bound=2)
    _EVALUATIONS = flags.DEFINE_integer("evaluations", 200, "of a search")
    _ONLY = flags.DEFINE_list("only", [], "strategies; all by default")
    _OUT = flags.DEFINE_string("out", "runs/budgets.jsonl", "file of rows")
    app.run(main)
