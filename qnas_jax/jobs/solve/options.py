"""The configuration of a solver: a problem, an optimiser, and its options."""

import dataclasses

from qnas_jax.jobs.config import Config
from qnas_jax.optimise import OPTIMISERS
from qnas_jax.options import Options, option


@dataclasses.dataclass(frozen=True)
class ProblemOptions(Options):
    """Which file holds the problem, and how registers become bits."""

    file: str = option("", "QUBO (.json, .csv) or evaluated history (.jsonl)")
    num_ops: tuple[int, ...] = option(
        (), "ops of each layer of a history; empty: as far as seen", low=1, of=int
    )
    encoding: str = option(
        "binary", "bits of a history's layers", choices=("binary", "one_hot")
    )
    penalty: float = option(
        0.0, "cost of a layer that is not one-hot; 0: the range of the costs", low=0.0
    )


@dataclasses.dataclass(frozen=True)
class SolverOptions(Options):
    """Which optimiser minimises the cost."""

    optimiser: str = option(
        "simulated_annealing", "optimiser of the problem", choices=OPTIMISERS
    )
    keep: int = option(10, "distinct lowest samples that are written", low=1)
    runs: int = option(
        1, "independent runs, each kept when it is done; the best one counts", low=1
    )


GROUPS: dict[str, type[Options]] = {
    "problem": ProblemOptions,
    "solver": SolverOptions,
}
"""What every run reads."""

OPTIMISER_GROUPS = {name: (name, spec.options) for name, spec in OPTIMISERS.items()}
"""The group of each optimiser, by its name."""


@dataclasses.dataclass(frozen=True)
class SolveConfig(Config):
    """All options of a solver run.

    Attributes:
      problem: the file.
      solver: the optimiser's name.
      optimiser: the options of that optimiser.
    """

    problem: ProblemOptions = dataclasses.field(default_factory=ProblemOptions)
    solver: SolverOptions = dataclasses.field(default_factory=SolverOptions)
    optimiser: Options = dataclasses.field(default_factory=Options)
