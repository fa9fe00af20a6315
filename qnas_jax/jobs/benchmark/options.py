"""The configuration of a benchmark: a table, a strategy, seeds and budgets."""

import dataclasses
import math

from qnas_jax.evaluation.tables import UNITS, TableOptions
from qnas_jax.jobs.config import Config
from qnas_jax.options import OptionError, Options, option
from qnas_jax.search import SearchOptions


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
    budgets: str = option("50, 100, 200", "when the best is looked at, ascending")
    count_repeats: bool = option(
        True, "whether an arch that a search evaluated before costs again"
    )
    seeds_at_once: int = option(
        100, "searches of one call, which bounds the memory", low=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        found = self.budget_list()
        if not found or found[0] <= 0 or found != sorted(set(found)):
            raise OptionError("budgets", self.budgets, "ascending positive numbers")

    def budget_list(self) -> list[float]:
        """The budgets as numbers; empty if they are none."""
        try:
            found = [float(word) for word in self.budgets.split(",")]
        except ValueError:
            return []
        whole = self.budget_in != "evaluations" or all(map(float.is_integer, found))
        return found if whole and all(map(math.isfinite, found)) else []


GROUPS: dict[str, type[Options]] = {
    "table": TableOptions,
    "search": BenchmarkSearchOptions,
    "benchmark": BenchmarkOptions,
}


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig(Config):
    """All options of a benchmark.

    Attributes:
      table: what is searched.
      search: which strategy.
      strategy: the options of that strategy.
      benchmark: seeds and budgets.
    """

    table: TableOptions = dataclasses.field(default_factory=TableOptions)
    search: BenchmarkSearchOptions = dataclasses.field(
        default_factory=BenchmarkSearchOptions
    )
    strategy: Options = dataclasses.field(default_factory=Options)
    benchmark: BenchmarkOptions = dataclasses.field(default_factory=BenchmarkOptions)
