"""The searches of a benchmark: many keys in one program, kept chunk by chunk.

What a chunk of searches found lies in `benchmark/` as soon as it is there, so that a
benchmark that was stopped, or killed, goes on with the next chunk.
"""

from typing import Any

import jax
import numpy as np

from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import Incumbents, Table, incumbents, query_costs
from qnas_jax.jobs.benchmark.options import BenchmarkConfig
from qnas_jax.jobs.benchmark.plan import Plan
from qnas_jax.jobs.setting import Setting
from qnas_jax.runs import read_arrays, write_arrays
from qnas_jax.searching.many import search_seeds
from qnas_jax.searching.repair import Constrained, make_repair
from qnas_jax.stopping import Stopped


def run_searches(setting: Setting, table: Table, plan: Plan) -> Incumbents:
    """Runs all searches that are not kept yet.

    Args:
      setting: the run.
      table: what is searched.
      plan: what one search does.

    Returns:
      What was best at each budget, for each search.

    Raises:
      RunError: a kept chunk is damaged.
      Stopped: the user asked to stop; finished chunks are kept.
    """
    config: BenchmarkConfig = setting.config
    options, runs = config.benchmark, config.table.seed_of_runs()
    if plan.strategy.fidelities is None:
        evaluate: Any = ScoredBy(table.evaluator(plan.fidelities[0], runs))
    else:
        evaluate = ScoredBy(table.multi_fidelity_evaluator(runs))
    if plan.budget is not None:
        evaluate = Constrained(evaluate, make_repair(plan.budget))
    root = jax.random.key(config.seed)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(root, np.arange(options.seeds))
    size = min(options.seeds_at_once, options.seeds)
    starts = range(0, options.seeds, size)
    parts = []
    for first in setting.progress(starts, len(starts), "searches"):
        path = setting.folder.path / "benchmark" / f"searches-{first}.npz"
        if not path.exists():
            if setting.should_stop():
                raise Stopped
            # The last chunk repeats a key, so that one program serves all of them.
            places = np.minimum(np.arange(first, first + size), options.seeds - 1)
            found = _search_chunk(setting, table, plan, evaluate, keys[places])
            write_arrays(path, **found._asdict())
        parts.append(Incumbents(*read_arrays(path, *Incumbents._fields)))
    joined = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Incumbents(*(column[: options.seeds] for column in joined))


def _search_chunk(
    setting: Setting, table: Table, plan: Plan, evaluate: Any, keys: Any
) -> Incumbents:
    """One call of the program, and what was best at each budget."""
    options = setting.config.benchmark
    evaluated = search_seeds(
        plan.strategy,
        evaluate,
        keys,
        plan.generations,
        seeds_at_once=len(keys),
        devices=setting.devices,
    )
    costs = query_costs(
        evaluated,
        options.budget_in,
        table=table,
        fidelities=plan.fidelities,
        count_repeats=options.count_repeats,
    )
    return incumbents(evaluated, costs, options.budgets)
