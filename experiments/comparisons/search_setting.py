"""A strategy with its options, apart from what it searches and for how long."""

import dataclasses
from typing import Any

from qnas_jax.options import Options
from qnas_jax.searching import STRATEGIES, Strategy, make_strategy


@dataclasses.dataclass(frozen=True)
class SearchSetting:
    """What a comparison compares.

    Attributes:
      strategy: a key of `STRATEGIES`.
      population: archs of a generation.
      options: the strategy's record.
    """

    strategy: str
    population: int
    options: Options

    def generations(self, evaluations: int) -> int:
        """Generations that spend a budget of so many evaluations."""
        return -(-evaluations // self.population)

    def make(self, num_ops: tuple[int, ...], generations: int) -> Strategy:
        """Builds the strategy for a space."""
        return make_strategy(
            self.strategy,
            num_ops,
            population=self.population,
            generations=generations,
            options=self.options,
        )


def search_setting(strategy: str, population: int = 1, **options: Any) -> SearchSetting:
    """A setting, by what differs from the strategy's defaults.

    Args:
      strategy: a key of `STRATEGIES`.
      population: archs of a generation.
      **options: fields of the strategy's record.

    Returns:
      The setting.
    """
    return SearchSetting(strategy, population, STRATEGIES[strategy].options(**options))
