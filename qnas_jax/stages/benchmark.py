"""Runs many searches of one strategy on a table, and reads what they found once.

A search sees validation values only. The test values of the best architectures at all
budgets of all searches are read in one go, after the last search.
"""

import dataclasses
import math
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from qnas_jax.evaluation.tables import (
    Incumbents,
    SealedTest,
    Table,
    incumbents,
    load_table,
    load_test,
    query_costs,
)
from qnas_jax.options import OptionError
from qnas_jax.runs import WorkFolder, environment, rewrite_rows, write_json
from qnas_jax.search import Strategy, make_strategy
from qnas_jax.search.classical.successive_halving import FidelityOptions
from qnas_jax.search.many import search_seeds
from qnas_jax.spaces import arch_to_string
from qnas_jax.stages.benchmark_config import BenchmarkConfig

MAX_EVALUATIONS = 1_000_000
"""The longest search that a budget of seconds may call for without being asked for."""


def run_benchmark(
    config: BenchmarkConfig, folder: WorkFolder, command: list[str]
) -> list[str]:
    """Searches and writes `rows.jsonl` and `result.json`.

    Args:
      config: the options.
      folder: the work folder.
      command: the command line, for `environment.json`.

    Returns:
      Lines to print.

    Raises:
      OptionError: options that do not fit each other or the table.
      MissingFileError: the table is not there.
      UserError: the table is damaged, or the strategy cannot search it.
    """
    table, test = _read(config)
    plan = _plan(config, table)
    made_by = environment(command)
    write_json(folder.path / "config.json", config.as_dict())
    write_json(folder.path / "environment.json", made_by)
    started = time.perf_counter()
    with folder.timed("benchmark"):
        found = _search(config, table, plan)
    seconds = time.perf_counter() - started
    tested = None if test is None else test.open(found.archs)
    origin = {name: made_by[name] for name in ("qnas_jax", "versions", "commit")}
    origin["config"] = config.as_dict()
    rows = _rows(config, table, found, tested)
    rewrite_rows(folder.path / "rows.jsonl", ({**row, **origin} for row in rows))
    result = {
        "table": table.name,
        "strategy": config.search.strategy,
        "searches": config.benchmark.seeds,
        "budget_in": config.benchmark.budget_in,
        "optimum": None if test is None else test.optimum,
        "seconds": seconds,
        "budgets": list(_summaries(config, table, test, found, tested)),
    }
    write_json(folder.path / "result.json", result)
    return [*_lines(config, result), f"rows: {folder.path / 'rows.jsonl'}"]


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What one search does.

    Attributes:
      strategy: proposes the archs.
      generations: G.
      fidelities: names that the fidelities of an evaluation count.
    """

    strategy: Strategy
    generations: int
    fidelities: tuple[str, ...]


def _read(config: BenchmarkConfig) -> tuple[Table, SealedTest | None]:
    """The table, and its test values unless the user's own has none."""
    options = config.table
    try:
        table = load_table(options)
        has_test = options.source != "file" or options.test_columns
        return table, load_test(options) if has_test else None
    except OptionError as error:
        raise error.inside("table") from None


def _plan(config: BenchmarkConfig, table: Table) -> _Plan:
    """Decides how long the searches are, and at which fidelities they evaluate."""
    wanted = config.table.fidelity
    plan = _plan_at(config, table, (wanted or table.fidelities[-1],))
    if plan.strategy.fidelities is None:
        return plan
    if wanted:
        name = config.search.strategy
        raise OptionError(
            "table.fidelity", wanted, f"empty, as {name} searches at all fidelities"
        )
    options, there = config.strategy, len(table.fidelities)
    if isinstance(options, FidelityOptions) and options.num_fidelities != there:
        raise OptionError(
            f"{config.search.strategy}.num_fidelities",
            options.num_fidelities,
            f"{there}, those of table {table.name}",
        )
    return _plan_at(config, table, table.fidelities)


def _plan_at(
    config: BenchmarkConfig, table: Table, fidelities: tuple[str, ...]
) -> _Plan:
    generations = _generations(config, table, fidelities)
    strategy = make_strategy(
        config.search.strategy,
        table.num_ops,
        population=config.search.population,
        generations=generations,
        options=config.strategy,
    )
    return _Plan(strategy, generations, fidelities)


def _generations(
    config: BenchmarkConfig, table: Table, fidelities: tuple[str, ...]
) -> int:
    """Generations of each search: those given, or what the largest budget needs."""
    options, given = config.benchmark, config.search.generations
    budget = options.budget_list()[-1]
    if options.budget_in == "train_seconds":
        seconds = np.stack([table.seconds(name) for name in fidelities])
        least = float(np.min(seconds, where=seconds > 0, initial=np.inf))
    else:
        least = 1.0
    population = config.search.population
    needed = math.ceil(budget / least / population)
    if given:
        if options.budget_in == "evaluations" and given < needed:
            raise OptionError(
                "search.generations",
                given,
                f"0, or at least {needed} of population {population} for {budget:g} "
                "evaluations",
            )
        return given
    if not options.count_repeats or needed * population > MAX_EVALUATIONS:
        raise OptionError(
            "search.generations",
            0,
            "int >= 1 where repeats are free, or where the budget allows for more than "
            f"{MAX_EVALUATIONS} evaluations of the fastest architecture",
        )
    return needed


def _search(config: BenchmarkConfig, table: Table, plan: _Plan) -> Incumbents:
    """Runs all searches, and keeps what was best at each budget."""
    options, runs = config.benchmark, config.table.seed_of_runs()
    if plan.strategy.fidelities is None:
        evaluate: Any = table.evaluator(plan.fidelities[0], runs)
    else:
        evaluate = table.multi_fidelity_evaluator(runs)
    root = jax.random.key(config.seed)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(root, np.arange(options.seeds))
    size = min(options.seeds_at_once, options.seeds)
    parts = []
    for first in range(0, options.seeds, size):
        # The last chunk repeats a key, so that one program serves all of them.
        places = np.minimum(np.arange(first, first + size), options.seeds - 1)
        evaluated = search_seeds(
            plan.strategy, evaluate, keys[places], plan.generations, seeds_at_once=size
        )
        costs = query_costs(
            evaluated,
            options.budget_in,
            table=table,
            fidelities=plan.fidelities,
            count_repeats=options.count_repeats,
        )
        parts.append(incumbents(evaluated, costs, options.budget_list()))
    joined = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Incumbents(*(column[: options.seeds] for column in joined))


def _rows(
    config: BenchmarkConfig,
    table: Table,
    found: Incumbents,
    tested: np.ndarray | None,
) -> Iterator[dict[str, Any]]:
    """A row a search; lists have one entry a budget, null where nothing was found."""
    sign = 1 if table.maximise else -1
    for seed in range(config.benchmark.seeds):
        archs = [
            arch.tolist() if score > -np.inf else None
            for arch, score in zip(found.archs[seed], found.scores[seed], strict=True)
        ]
        last = archs[-1]
        yield {
            "table": table.name,
            "strategy": config.search.strategy,
            "seed": seed,
            "arch": last,
            "string": None if last is None else arch_to_string(table.space, last),
            "budget_in": config.benchmark.budget_in,
            "budgets": config.benchmark.budget_list(),
            "archs": archs,
            "validation": (sign * found.scores[seed]).tolist(),
            "test": None if tested is None else tested[seed].tolist(),
            "evaluations": found.evaluations[seed].tolist(),
            "spent": found.spent[seed].tolist(),
            "exhausted": found.exhausted[seed].tolist(),
        }


def _summaries(
    config: BenchmarkConfig,
    table: Table,
    test: SealedTest | None,
    found: Incumbents,
    tested: np.ndarray | None,
) -> Iterator[dict[str, Any]]:
    """Mean and spread over the searches, for each budget."""
    sign = 1 if table.maximise else -1
    for place, budget in enumerate(config.benchmark.budget_list()):
        summary: dict[str, Any] = {
            "budget": budget,
            "evaluations": float(found.evaluations[:, place].mean()),
            "ended_early": int((~found.exhausted[:, place]).sum()),
            "validation": _spread(sign * found.scores[:, place]),
        }
        if test is not None and tested is not None:
            summary["test"] = _spread(tested[:, place])
            summary["gap_to_optimum"] = abs(test.optimum - summary["test"]["mean"])
        yield summary


def _spread(values: np.ndarray) -> dict[str, Any]:
    """Of the values that there are; null where there is none."""
    known = values[np.isfinite(values)].astype(np.float64)
    return {
        "mean": float(known.mean()) if len(known) else math.nan,
        "sd": float(known.std(ddof=1)) if len(known) > 1 else math.nan,
        "searches": len(known),
    }


def _lines(config: BenchmarkConfig, result: dict[str, Any]) -> Iterator[str]:
    """The result in words; accuracies of published benchmarks in percent."""
    scale, unit = (1.0, "") if config.table.source == "file" else (100.0, " %")
    optimum = result["optimum"]
    told = "" if optimum is None else f", best test value {scale * optimum:.5g}{unit}"
    yield (
        f"{result['strategy']} on {result['table']}: {result['searches']} searches in "
        f"{result['seconds']:.1f} s{told}"
    )
    unit_of_budget = result["budget_in"].replace("_", " ")
    for summary in result["budgets"]:
        kind = "validation" if optimum is None else "test"
        values = summary[kind]
        line = (
            f"{summary['budget']:g} {unit_of_budget}: {kind} "
            f"{scale * values['mean']:.5g} ± {scale * values['sd']:.2g}{unit}"
        )
        if optimum is not None:
            line += f", {scale * summary['gap_to_optimum']:.2g} from the best"
        if summary["ended_early"]:
            line += f"; {summary['ended_early']} searches ended before the budget"
        yield line
    if optimum is None:
        yield "table.test_columns is empty: values that selected are optimistic"
