"""How long the searches of a benchmark are, and at which fidelities they evaluate."""

import dataclasses
import math

import numpy as np

from qnas_jax.evaluation.tables import Table, table_budget
from qnas_jax.jobs.benchmark.options import BenchmarkConfig
from qnas_jax.jobs.strategies import check_fidelities, strategy_of
from qnas_jax.options import OptionError, option_group
from qnas_jax.searching import Strategy
from qnas_jax.spaces import ConstraintOptions, ListedBudget

MAX_EVALUATIONS = 1_000_000
"""The longest search that a budget of seconds may call for without being asked for."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What one search does.

    Attributes:
      strategy: proposes the archs.
      generations: G.
      fidelities: names that the fidelities of an evaluation count.
      budget: what an architecture may cost; None: anything.
    """

    strategy: Strategy
    generations: int
    fidelities: tuple[str, ...]
    budget: ListedBudget | None


def plan_searches(config: BenchmarkConfig, table: Table) -> Plan:
    """Decides how long the searches are, and at which fidelities they evaluate.

    Raises:
      OptionError: one fidelity is asked for, and the strategy searches at all; or it
        counts others than the table has.
    """
    wanted = config.table.fidelity
    plan = _plan_at(config, table, (wanted or table.fidelities[-1],))
    if plan.strategy.fidelities is None:
        return plan
    if wanted:
        name = config.search.strategy
        raise OptionError(
            "table.fidelity", wanted, f"empty, as {name} searches at all fidelities"
        )
    check_fidelities(
        config.search.strategy,
        config.strategy,
        table.fidelities,
        f"table {table.name}",
    )
    return _plan_at(config, table, table.fidelities)


def _plan_at(
    config: BenchmarkConfig, table: Table, fidelities: tuple[str, ...]
) -> Plan:
    generations = _generations(config, table, fidelities)
    strategy = strategy_of(config.search, config.strategy, table.num_ops, generations)
    with option_group("constraints", ConstraintOptions):
        budget = table_budget(table, config.constraints)
    return Plan(strategy, generations, fidelities, budget)


def _generations(
    config: BenchmarkConfig, table: Table, fidelities: tuple[str, ...]
) -> int:
    """Generations of each search: those given, or what the largest budget needs."""
    options, given = config.benchmark, config.search.generations
    budget = options.budgets[-1]
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
