"""The configuration of a run: option records by group, read from a ConfigDict once."""

import dataclasses
from typing import Any

import ml_collections

from qnas_jax.data import DataOptions
from qnas_jax.evaluation import ScoringOptions
from qnas_jax.options import OptionError, Options
from qnas_jax.search import STRATEGIES, SearchOptions
from qnas_jax.spaces import SpaceOptions
from qnas_jax.stages.option_groups import read_groups
from qnas_jax.training import RetrainOptions, SupernetOptions


@dataclasses.dataclass(frozen=True)
class SearchStageOptions(SearchOptions, ScoringOptions):
    """What the search stage reads: the strategy, and how subnets are scored.

    Raises:
      OptionError: a value is not allowed, or the strategy wants evaluations at several
        fidelities, which a supernet does not have.
    """

    def __post_init__(self) -> None:
        """Checks the fields, and the strategy here, before a supernet is trained."""
        super().__post_init__()
        if STRATEGIES[self.strategy].needs_fidelities:
            rows = STRATEGIES.items()
            names = [name for name, spec in rows if not spec.needs_fidelities]
            allowed = f"one of {', '.join(names)} (a supernet scores at one fidelity)"
            raise OptionError("strategy", self.strategy, allowed)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """All options of a run.

    Attributes:
      data: source, splits.
      space: search space.
      supernet: supernet training.
      search: strategy and scoring.
      retrain: training of the winner and of the comparison networks.
      seed: root of all randomness.
    """

    data: DataOptions = dataclasses.field(default_factory=DataOptions)
    space: SpaceOptions = dataclasses.field(default_factory=SpaceOptions)
    supernet: SupernetOptions = dataclasses.field(default_factory=SupernetOptions)
    search: SearchStageOptions = dataclasses.field(default_factory=SearchStageOptions)
    retrain: RetrainOptions = dataclasses.field(default_factory=RetrainOptions)
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain nested values, as stored in `config.json`."""
        return dataclasses.asdict(self)


GROUPS: dict[str, type[Options]] = {
    "data": DataOptions,
    "space": SpaceOptions,
    "supernet": SupernetOptions,
    "search": SearchStageOptions,
    "retrain": RetrainOptions,
}


def default_config() -> ml_collections.ConfigDict:
    """All fields with their defaults, as a ConfigDict for flags to override.

    `data.source` and the other defaults describe the digits run.
    """
    return ml_collections.ConfigDict(RunConfig().as_dict())


def read_config(config: ml_collections.ConfigDict) -> RunConfig:
    """Checks a configuration and turns it into option records.

    Args:
      config: groups `data`, `space`, `supernet`, `search`, `retrain`, and `seed`.

    Returns:
      The records.

    Raises:
      OptionError: a field is unknown or its value not allowed.
    """
    return RunConfig(**read_groups(config, GROUPS))
