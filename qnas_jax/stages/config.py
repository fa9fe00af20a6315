"""The configuration of a run: option records by group, read from a ConfigDict once."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import ml_collections

from qnas_jax.data import DataOptions
from qnas_jax.evaluation import ScoringOptions
from qnas_jax.options import OptionError, Options, describe_allowed, option
from qnas_jax.search import SearchOptions
from qnas_jax.spaces import SpaceOptions
from qnas_jax.training import RetrainOptions, SupernetOptions


@dataclasses.dataclass(frozen=True)
class SearchStageOptions(SearchOptions, ScoringOptions):
    """What the search stage reads: the strategy, and how subnets are scored.

    Raises:
      OptionError: a value is not allowed.
    """


@dataclasses.dataclass(frozen=True)
class RunConfig(Options):
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
    seed: int = option(0, "root of all randomness", low=0)

    def __post_init__(self) -> None:
        if type(self.seed) is not int or self.seed < 0:
            raise OptionError("seed", self.seed, "int >= 0")

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


def check_overrides(arguments: Sequence[str]) -> None:
    """Checks `--config.group.field=value` arguments before the flags are parsed.

    Args:
      arguments: the command line.

    Raises:
      OptionError: a field is unknown, or its value is not of the field's type.
    """
    for position, argument in enumerate(arguments):
        name, equals, value = argument.lstrip("-").partition("=")
        if not argument.startswith("-") or not name.startswith("config."):
            continue
        if not equals:
            value = "".join(arguments[position + 1 : position + 2])
        field = _find_field(name.removeprefix("config."), value)
        if not _has_type(value, type(field.default)):
            allowed = describe_allowed(field)
            raise OptionError(name.removeprefix("config."), value, allowed)


def _find_field(name: str, value: str) -> "dataclasses.Field[Any]":
    group, _, field = name.partition(".")
    if not field and group == "seed":
        return next(f for f in dataclasses.fields(RunConfig) if f.name == "seed")
    if group not in GROUPS:
        raise OptionError(name, value, "a field of " + ", ".join([*GROUPS, "seed"]))
    fields = {f.name: f for f in dataclasses.fields(GROUPS[group])}
    if field not in fields:
        raise OptionError(name, value, "one of " + ", ".join(sorted(fields)))
    return fields[field]


def _has_type(value: str, kind: type) -> bool:
    if kind is bool:
        return value.lower() in ("true", "false", "1", "0")
    try:
        kind(value)
    except ValueError:
        return False
    return True


def read_config(config: ml_collections.ConfigDict) -> RunConfig:
    """Checks a configuration and turns it into option records.

    Args:
      config: groups `data`, `space`, `supernet`, `search`, `retrain`, and `seed`.

    Returns:
      The records.

    Raises:
      OptionError: a field is unknown or its value not allowed; one line says which
        field, what was got and what is allowed.
    """
    values = json.loads(config.to_json())
    known = {*GROUPS, "seed"}
    for name in values:
        if name not in known:
            raise OptionError(name, values[name], "one of " + ", ".join(sorted(known)))
    records: dict[str, Any] = {"seed": values.get("seed", 0)}
    for group, record in GROUPS.items():
        fields = {field.name for field in dataclasses.fields(record)}
        given = values.get(group, {})
        for name in given:
            if name not in fields:
                allowed = "one of " + ", ".join(sorted(fields))
                raise OptionError(f"{group}.{name}", given[name], allowed)
        try:
            records[group] = record(**given)
        except OptionError as error:
            raise error.inside(group) from None
    return RunConfig(**records)
