"""Configurations: from a ConfigDict to checked records, and back.

A ConfigDict names its job in the field `job`, and holds every group that this kind of
job may read with all defaults, so that any of them can be overridden by a flag. What a
run reads of it (of each family the one group that it chose) becomes its configuration;
values of the other groups are never looked at.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections

from qnas_jax.jobs.spec import Family, Job
from qnas_jax.options import OptionError, Options, option, unknown_option


@dataclasses.dataclass(frozen=True)
class RootOptions(Options):
    """What stands beside the groups."""

    seed: int = option(0, "root of all randomness", low=0, below=2**32)


@dataclasses.dataclass(frozen=True)
class Config:
    """A checked configuration; jobs add a field for each group and family.

    Attributes:
      seed: root of all randomness.
    """

    seed: int = 0


def plain(record: Options) -> dict[str, Any]:
    """An option record as it comes back from a JSON file: tuples are lists there."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(record)))
    return values


def stored_groups(job: Job, config: Config) -> dict[str, Any]:
    """What a run reads, as plain nested values by group.

    Args:
      job: the kind of run.
      config: its configuration.

    Returns:
      A dict for each group, the chosen ones of families under their own names, and
      `seed`.
    """
    values: dict[str, Any] = {name: plain(getattr(config, name)) for name in job.groups}
    for field, family in job.families.items():
        found = family.groups.get(_chosen(family, values))
        if found is not None:
            values[found[0]] = plain(getattr(config, field))
    return {**values, "seed": config.seed}


def group_of(job: Job, config: Config, field: str) -> str | None:
    """The name of the group that a run chose of a family, None without options.

    Args:
      job: the kind of run.
      config: its configuration.
      field: the family's field.
    """
    values = {name: dataclasses.asdict(getattr(config, name)) for name in job.groups}
    found = job.families[field].groups.get(_chosen(job.families[field], values))
    return None if found is None else found[0]


def default_config_of(job: Job) -> ml_collections.ConfigDict:
    """All fields of a job with their defaults, for flags to override."""
    groups = {
        name: dataclasses.asdict(record()) for name, record in job.all_groups.items()
    }
    return ml_collections.ConfigDict({"job": job.name, **groups, "seed": 0})


def read_config_of(job: Job, config: ml_collections.ConfigDict) -> Any:
    """Checks a configuration and turns it into option records.

    Args:
      job: its kind.
      config: groups by name, `seed` and `job`.

    Returns:
      An object of the job's class.

    Raises:
      OptionError: a field is unknown, or a value that the run reads is not allowed; one
        line says which field, what was got and what is allowed.
    """
    values = _fields_of(config, "--config")
    groups = job.all_groups
    for name in values:
        check_known(name, values[name], (*groups, "seed", "job"))
    for group, record in groups.items():
        known = [field.name for field in dataclasses.fields(record)]
        given = values.get(group, {})
        if not isinstance(given, ml_collections.ConfigDict | dict):
            allowed = f"a group with some of {', '.join(known) or 'no fields'}"
            raise OptionError(group, given, allowed)
        values[group] = given = _fields_of(given, group)
        for name, value in given.items():
            check_known(name, value, known, group=group)
    records: dict[str, Any] = {
        name: _read(values, name, record) for name, record in job.groups.items()
    }
    records = job.completed(records)
    plain = {name: dataclasses.asdict(record) for name, record in records.items()}
    for field, family in job.families.items():
        found = family.groups.get(_chosen(family, plain))
        records[field] = Options() if found is None else _read(values, *found)
    root = RootOptions(seed=values.get("seed", 0))
    try:
        return job.config(**records, seed=root.seed)
    except OptionError as error:
        raise error from None


def _fields_of(
    group: ml_collections.ConfigDict | Mapping[Any, Any], name: str
) -> dict[Any, Any]:
    """The values of a group by field, one level deep, as options hold no groups."""
    try:
        return {field: group[field] for field in group}
    except TypeError as error:  # A ConfigDict sorts its fields.
        allowed = "fields that are named by words"
        raise OptionError(name, f"fields of several types ({error})", allowed) from None


def _read(values: dict[str, Any], group: str, record: type[Options]) -> Options:
    try:
        return record(**values.get(group, {}))
    except OptionError as error:
        raise error.inside(group) from None


def _chosen(family: Family, values: dict[str, Any]) -> str:
    group, _, field = family.chooser.partition(".")
    return str(values[group][field])


def check_known(
    name: str, value: Any, known: Iterable[str], *, group: str = ""
) -> None:
    """Raises OptionError, nearest names first, unless a name is one of those known."""
    if name not in set(known):
        error = unknown_option(name, value, known)
        raise error.inside(group) if group else error
