"""Groups of options: from a ConfigDict to records, and the check of overrides."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import ml_collections

from qnas_jax.options import (
    OptionError,
    Options,
    describe_allowed,
    option,
    unknown_option,
)

Groups = Mapping[str, type[Options]]


class Choice(NamedTuple):
    """Groups of which a run reads one: that of the part which it has chosen.

    Attributes:
      group: the group with the choice.
      field: its field that names the part.
      records: the record of each part's group, which has the part's name.
    """

    group: str
    field: str
    records: Groups

    def name(self, records: Mapping[str, Any]) -> str:
        """Which part was chosen."""
        return str(getattr(records[self.group], self.field))


@dataclasses.dataclass(frozen=True)
class RootOptions(Options):
    """What stands beside the groups."""

    seed: int = option(0, "root of all randomness", low=0)


def read_groups(
    config: ml_collections.ConfigDict, groups: Groups, choice: Choice | None = None
) -> dict[str, Any]:
    """Checks a configuration and turns it into option records.

    Args:
      config: the groups, and `seed`.
      groups: the record of each group.
      choice: further groups, of which the chosen one is read; what stands in the others
        has to be named right and is otherwise ignored.

    Returns:
      A record for each group by its name, one for the chosen part, and `seed`.

    Raises:
      OptionError: a field is unknown or its value not allowed; one line says which
        field, what was got and what is allowed.
    """
    values = json.loads(config.to_json())
    parts = {} if choice is None else choice.records
    every = {**parts, **groups}
    for name in values:
        _check_known(name, values[name], [*every, "seed"])
    for group in values.keys() & every.keys():
        fields = [field.name for field in dataclasses.fields(every[group])]
        for name in values[group]:
            _check_known(name, values[group][name], fields, group=group)
    root = RootOptions(seed=values.get("seed", 0))
    records: dict[str, Any] = {"seed": root.seed}
    for group, record in groups.items():
        records[group] = _read_group(group, record, values)
    if choice is not None:
        name = choice.name(records)
        records[name] = _read_group(name, parts[name], values)
    return records


def _read_group(
    group: str, record: type[Options], values: Mapping[str, Any]
) -> Options:
    try:
        return record(**values.get(group, {}))
    except OptionError as error:
        raise error.inside(group) from None


def _check_known(
    name: str, value: Any, known: Iterable[str], *, group: str = ""
) -> None:
    if name not in set(known):
        error = unknown_option(name, value, known)
        raise error.inside(group) if group else error


def merged_groups(*kinds: Groups) -> dict[str, tuple[type[Options], ...]]:
    """The records of each group, whatever the kind of the configuration."""
    names = dict.fromkeys(name for groups in kinds for name in groups)
    return {
        name: tuple(dict.fromkeys(groups[name] for groups in kinds if name in groups))
        for name in names
    }


def check_overrides(
    arguments: Sequence[str], groups: Mapping[str, Sequence[type[Options]]]
) -> None:
    """Checks `--config.group.field=value` arguments before the flags are parsed.

    Args:
      arguments: the command line.
      groups: the records that a group has in any kind of configuration.

    Raises:
      OptionError: a field is unknown, or its value is not of the field's type.
    """
    for position, argument in enumerate(arguments):
        name, equals, value = argument.lstrip("-").partition("=")
        if not argument.startswith("-") or not name.startswith("config."):
            continue
        if not equals:
            value = "".join(arguments[position + 1 : position + 2])
        field = _find_field(name.removeprefix("config."), value, groups)
        if not _has_type(value, type(field.default)):
            allowed = describe_allowed(field)
            raise OptionError(name.removeprefix("config."), value, allowed)


def _find_field(
    name: str, value: str, groups: Mapping[str, Sequence[type[Options]]]
) -> "dataclasses.Field[Any]":
    group, _, field = name.partition(".")
    if not field and group == "seed":
        return dataclasses.fields(RootOptions)[0]
    if group not in groups:
        raise OptionError(name, value, "a field of " + ", ".join([*groups, "seed"]))
    fields = {f.name: f for record in groups[group] for f in dataclasses.fields(record)}
    _check_known(field, value, fields, group=group)
    return fields[field]


def _has_type(value: str, kind: type) -> bool:
    if kind is bool:
        return value.lower() in ("true", "false", "1", "0")
    try:
        kind(value)
    except ValueError:
        return False
    return True
