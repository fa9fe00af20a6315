"""The configuration of a benchmark: a table, a strategy, seeds and budgets."""

import dataclasses

from qnas_jax.evaluation.tables import UNITS, TableOptions
from qnas_jax.jobs.config import Config
from qnas_jax.options import OptionError, Options, option
from qnas_jax.searching import SearchOptions
from qnas_jax.spaces import ConstraintOptions


@dataclasses.dataclass(frozen=True)
class BenchmarkSearchOptions(SearchOptions):
    """The strategy; how long it searches follows from the budgets."""

    generations: int = option(
        0, "generations of each search; 0: what the largest budget needs", low=0
    )


@dataclasses.dataclass(frozen=True)
class BenchmarkOptions(Options):
    """How many searches, and when their best architectures are looked at."""

    seeds: int = option(100, "searches, each with a seed of its own", low=1)
    budget_in: str = option("evaluations", "unit of the budgets", choices=UNITS)
    budgets: tuple[float, ...] = option(
        (50.0, 100.0, 200.0), "when the best is looked at, ascending", above=0
    )
    count_repeats: bool = option(
        True, "whether an arch that a search evaluated before costs again"
    )
    seeds_at_once: int = option(
        100, "searches of one call, which bounds the memory", low=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        ascending = tuple(sorted(set(self.budgets)))
        if not self.budgets or self.budgets != ascending:
            raise OptionError("budgets", self.budgets, "ascending positive numbers")
        whole = all(map(float.is_integer, self.budgets))
        if self.budget_in == "evaluations" and not whole:
            raise OptionError("budgets", self.budgets, "whole evaluations")


GROUPS: dict[str, type[Options]] = {
    "table": TableOptions,
    "search": BenchmarkSearchOptions,
    "constraints": ConstraintOptions,
    "benchmark": BenchmarkOptions,
}


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig(Config):
    """All options of a benchmark.

    Attributes:
      table: what is searched.
      search: which strategy.
      constraints: what an architecture may cost.
      strategy: the options of that strategy.
      benchmark: seeds and budgets.
    """

    table: TableOptions = dataclasses.field(default_factory=TableOptions)
    search: BenchmarkSearchOptions = dataclasses.field(
        default_factory=BenchmarkSearchOptions
    )
    constraints: ConstraintOptions = dataclasses.field(
        default_factory=ConstraintOptions
    )
    strategy: Options = dataclasses.field(default_factory=Options)
    benchmark: BenchmarkOptions = dataclasses.field(default_factory=BenchmarkOptions)
