"""The configuration of `--stage=solve`: a problem, an optimiser, and its options."""

import dataclasses
from typing import Any

import ml_collections

from qnas_jax.optimise.registry import OPTIMISERS
from qnas_jax.options import Options, option
from qnas_jax.stages.option_groups import read_groups


@dataclasses.dataclass(frozen=True)
class ProblemOptions(Options):
    """Which file holds the problem, and how registers become bits."""

    file: str = option("", "QUBO (.json, .csv) or evaluated history (.jsonl)")
    num_ops: str = option(
        "", "ops of each layer of a history, as 5,5,5; empty: as far as seen"
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


GROUPS: dict[str, type[Options]] = {
    "problem": ProblemOptions,
    "solver": SolverOptions,
    **{name: spec.options for name, spec in OPTIMISERS.items()},
}


@dataclasses.dataclass(frozen=True)
class SolveConfig:
    """All options of a solver run.

    Attributes:
      problem: the file.
      solver: the optimiser's name.
      optimiser: the options of that optimiser.
      seed: root of all randomness.
    """

    problem: ProblemOptions
    solver: SolverOptions
    optimiser: Options
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Plain nested values, as stored in `config.json`."""
        return dataclasses.asdict(self)


def default_solve_config() -> ml_collections.ConfigDict:
    """All fields with their defaults, as a ConfigDict for flags to override."""
    groups = {name: dataclasses.asdict(record()) for name, record in GROUPS.items()}
    return ml_collections.ConfigDict({**groups, "seed": 0})


def read_solve_config(config: ml_collections.ConfigDict) -> SolveConfig:
    """Checks a configuration and turns it into option records.

    Args:
      config: groups `problem` and `solver`, one for each optimiser, and `seed`.

    Returns:
      The records; of the optimisers' groups the one that is used.

    Raises:
      OptionError: a field is unknown or its value not allowed.
    """
    records = read_groups(config, GROUPS)
    return SolveConfig(
        problem=records["problem"],
        solver=records["solver"],
        optimiser=records[records["solver"].optimiser],
        seed=records["seed"],
    )
