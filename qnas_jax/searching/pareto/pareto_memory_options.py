"""What `pareto_memory` may be told."""

import dataclasses

from qnas_jax.options import OptionError, option
from qnas_jax.searching.history import MemoryOptions
from qnas_jax.searching.pareto.archive import GUIDED_BY

_MOST_REMEMBERED = 2000
"""Evaluations that are remembered unless a number is given: the covariance of all."""


@dataclasses.dataclass(frozen=True)
class ParetoMemoryOptions(MemoryOptions):
    """How `pareto_memory` learns and moves."""

    memory: int = option(
        0,
        "evaluations that are remembered; 0: generations x population, at most 2,000",
        low=0,
    )
    initial: int = option(20, "evaluations before any guide", low=1)
    members: int = option(100, "archs of the front that may guide", low=1)
    guided_by: str = option(
        "crowding", "what wins a tournament of guides", choices=GUIDED_BY
    )
    pool: int = option(300, "archs that a generation is chosen from", low=1)
    flips: float = option(1.5, "layers of an arch that mutate, on average", above=0.0)
    crossover: float = option(
        0.25, "share of the pool with two parents", low=0.0, high=1.0
    )
    strangers: float = option(
        0.1, "share of the pool that is uniformly random", low=0.0, high=1.0
    )
    margin: float = option(
        0.5, "how far the reference lies behind the front, in ranges of it", above=0.0
    )
    similarities: tuple[float, ...] = option(
        (0.7, 0.85, 0.95),
        "correlations of archs that differ in one layer; each objective has that under "
        "which it is likeliest",
        above=0.0,
        below=1.0,
    )
    noise: float = option(
        0.02,
        "share of the variance of scores that similarity does not explain",
        above=0.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.similarities:
            raise OptionError("similarities", self.similarities, "at least one number")

    def capacity(self, population: int, generations: int) -> int:
        """Rows of the history."""
        rows = super().capacity(population, generations)
        return rows if self.memory else max(min(rows, _MOST_REMEMBERED), population)
