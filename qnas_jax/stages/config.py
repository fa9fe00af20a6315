"""The configuration of a run: option records by group, read from a ConfigDict once."""

import dataclasses
from typing import Any

import ml_collections

from qnas_jax.data import DataOptions
from qnas_jax.evaluation import ScoringOptions
from qnas_jax.options import OptionError, Options
from qnas_jax.search import STRATEGIES, SearchOptions
from qnas_jax.spaces import SpaceOptions
from qnas_jax.stages.option_groups import Choice, read_groups
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All options of a run.

    Attributes:
      data: source, splits.
      space: search space.
      supernet: supernet training.
      search: which strategy, and scoring.
      strategy: the options of that strategy.
      retrain: training of the winner and of the comparison networks.
      seed: root of all randomness.
    """

    data: DataOptions
    space: SpaceOptions
    supernet: SupernetOptions
    search: SearchStageOptions
    strategy: Options
    retrain: RetrainOptions
    seed: int

    def as_dict(self) -> dict[str, Any]:
        """Plain nested values, as stored in `config.json`.

        The group of the strategy's options has its name.
        """
        values = dataclasses.asdict(self)
        values[self.search.strategy] = values.pop("strategy")
        return values


GROUPS: dict[str, type[Options]] = {
    "data": DataOptions,
    "space": SpaceOptions,
    "supernet": SupernetOptions,
    "search": SearchStageOptions,
    "retrain": RetrainOptions,
}

STRATEGY = Choice(
    "search", "strategy", {name: spec.options for name, spec in STRATEGIES.items()}
)
"""The options of each strategy, as `--config.qudit.angle=0.1`."""


def default_config() -> ml_collections.ConfigDict:
    """All fields with their defaults, as a ConfigDict for flags to override.

    `data.source` and the other defaults describe the digits run.
    """
    groups = {**GROUPS, **STRATEGY.records}
    values = {name: dataclasses.asdict(record()) for name, record in groups.items()}
    return ml_collections.ConfigDict({**values, "seed": 0})


def read_config(config: ml_collections.ConfigDict) -> RunConfig:
    """Checks a configuration and turns it into option records.

    Args:
      config: groups `data`, `space`, `supernet`, `search`, `retrain`, one for each
        strategy, and `seed`.

    Returns:
      The records.

    Raises:
      OptionError: a field is unknown or its value not allowed.
    """
    records = read_groups(config, GROUPS, STRATEGY)
    strategy = records.pop(STRATEGY.name(records))
    return RunConfig(**records, strategy=strategy)
