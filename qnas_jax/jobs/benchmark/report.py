"""What a benchmark says: a row a search, a summary a budget, lines for the user.

A search sees validation values only. The test values of the best architectures at all
budgets of all searches are read in one go, after the last search.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from qnas_jax.evaluation.tables import (
    Incumbents,
    SealedTest,
    Table,
    TableOptions,
    load_table,
    load_test,
)
from qnas_jax.jobs.benchmark.options import BenchmarkConfig
from qnas_jax.jobs.benchmark.plan import Plan, plan_searches
from qnas_jax.jobs.benchmark.searches import run_searches
from qnas_jax.jobs.setting import Setting
from qnas_jax.options import option_group
from qnas_jax.runs import read_json, write_json, write_rows
from qnas_jax.searching import STRATEGIES
from qnas_jax.spaces import arch_to_string


def check_benchmark(setting: Setting) -> None:
    """Raises UserError if the table cannot be read, or searched with these options."""
    table, _ = _read(setting.config)
    plan_searches(setting.config, table)


_ROUNDING = 1e-14  # of a mean of float64 values, relative


def run_benchmark(setting: Setting) -> list[str]:
    """Searches and writes `rows.jsonl` and `result.json`.

    Args:
      setting: the run.

    Returns:
      Lines to print.

    Raises:
      OptionError: options that do not fit each other or the table.
      MissingFileError: the table is not there.
      UserError: the table is damaged, or the strategy cannot search it.
      Stopped: the user asked to stop; finished searches are kept.
    """
    config, folder = setting.config, setting.folder
    table, test = _read(config)
    plan = plan_searches(config, table)
    started = time.perf_counter()
    found = run_searches(setting, table, plan)
    sign = 1 if table.maximise else -1
    order = table.order(plan.fidelities, config.table.seed_of_runs())
    validation = order.recorded(sign * found.scores)
    seconds = time.perf_counter() - started
    tested = None if test is None else test.open(found.archs)
    optimum = None if test is None else _optimum(table, plan, test)
    made_by = read_json(folder.path / "environment.json")
    origin = {name: made_by[name] for name in ("qnas_jax", "versions", "commit")}
    origin["config"] = read_json(folder.path / "config.json")
    rows = _rows(config, table, found, validation, tested)
    write_rows(folder.path / "rows.jsonl", ({**row, **origin} for row in rows))
    result = {
        "table": table.name,
        "strategy": config.search.strategy,
        "acts_by": STRATEGIES[config.search.strategy].acts_by,
        "searches": config.benchmark.seeds,
        "budget_in": config.benchmark.budget_in,
        "constraints": config.constraints.limits(),
        "optimum": optimum,
        "seconds": seconds,
        "budgets": list(_summaries(config, optimum, found, validation, tested)),
    }
    write_json(folder.path / "result.json", result)
    return [*_lines(config, result), f"rows: {folder.path / 'rows.jsonl'}"]


def _optimum(table: Table, plan: Plan, test: SealedTest) -> float:
    """The best test value of all architectures that keep the constraints."""
    if plan.budget is None:
        return test.optimum
    return test.optimum_of(plan.budget.within(table.archs(np.arange(table.space.size))))


def _read(config: BenchmarkConfig) -> tuple[Table, SealedTest | None]:
    """The table, and its test values unless the user's own has none."""
    options = config.table
    with option_group("table", TableOptions):
        table = load_table(options)
        has_test = options.source != "file" or options.test_columns
        return table, load_test(options) if has_test else None


def _rows(
    config: BenchmarkConfig,
    table: Table,
    found: Incumbents,
    validation: np.ndarray,
    tested: np.ndarray | None,
) -> Iterator[dict[str, Any]]:
    """A row a search; lists have one entry a budget, null where nothing was found."""
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
            "budgets": list(config.benchmark.budgets),
            "archs": archs,
            "validation": validation[seed].tolist(),
            "test": None if tested is None else tested[seed].tolist(),
            "evaluations": found.evaluations[seed].tolist(),
            "spent": found.spent[seed].tolist(),
            "exhausted": found.exhausted[seed].tolist(),
        }


def _summaries(
    config: BenchmarkConfig,
    optimum: float | None,
    found: Incumbents,
    validation: np.ndarray,
    tested: np.ndarray | None,
) -> Iterator[dict[str, Any]]:
    """Mean and spread over the searches, for each budget."""
    for place, budget in enumerate(config.benchmark.budgets):
        summary: dict[str, Any] = {
            "budget": budget,
            "evaluations": float(found.evaluations[:, place].mean()),
            "ended_early": int((~found.exhausted[:, place]).sum()),
            "validation": _spread(validation[:, place]),
        }
        if optimum is not None and tested is not None:
            summary["test"] = _spread(tested[:, place])
            summary["gap_to_optimum"] = abs(optimum - summary["test"]["mean"])
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
    told = (
        "" if optimum is None else f", best test value {_number(scale * optimum)}{unit}"
    )
    yield (
        f"{result['strategy']} on {result['table']}: {result['searches']} searches in "
        f"{result['seconds']:.1f} s{told}; acts by: {result['acts_by']}"
    )
    unit_of_budget = result["budget_in"].replace("_", " ")
    for summary in result["budgets"]:
        told = _told(summary, result["searches"], optimum is not None, scale, unit)
        yield f"{summary['budget']:g} {unit_of_budget}: {told}"
    if optimum is None:
        yield "table.test_columns is empty: values that selected are optimistic"


def _told(
    summary: dict[str, Any], searches: int, tested: bool, scale: float, unit: str
) -> str:
    """A budget in words: mean, spread, and how many searches they leave out."""
    kind = "test" if tested else "validation"
    values, found = summary[kind], summary["validation"]["searches"]
    if values["searches"]:
        told = f"{kind} {_mean_and_spread(values, scale)}{unit}"
        if values["searches"] < searches:
            told += f" over {values['searches']} of {searches} searches"
        if tested:
            told += f", {scale * summary['gap_to_optimum']:.2g} from the best"
    else:
        told = f"no {kind} value of {searches} searches"
    if found < searches:
        told += f"; {searches - found} had found no architecture"
    if values["searches"] < found:
        without = found - values["searches"]
        told += f"; {without} ended with an architecture without a test value"
    if summary["ended_early"]:
        told += f"; {summary['ended_early']} searches ended before the budget"
    return told


def _mean_and_spread(values: dict[str, Any], scale: float) -> str:
    """The spread of one search is none."""
    mean, spread = scale * values["mean"], scale * values["sd"]
    if spread < _ROUNDING * abs(mean):
        spread = 0.0  # what is left of equal values
    told = _number(mean, spread if spread > 0 else math.inf)
    return told if math.isnan(spread) else f"{told} ± {spread:.2g}"


def _number(value: float, spread: float = math.inf) -> str:
    """Five digits, or as many more as it takes to the unit or to show a spread."""
    size = max(abs(value), 1.0)
    digits = math.ceil(math.log10(size / min(spread, size))) + 1
    whole = math.floor(math.log10(size)) + 1
    return f"{value:.{min(max(5, digits, whole), 17)}g}"
