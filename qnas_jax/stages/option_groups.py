"""Groups of options: from a ConfigDict to records, and the check of overrides."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ml_collections

from qnas_jax.options import OptionError, Options, describe_allowed, option

Groups = Mapping[str, type[Options]]


@dataclasses.dataclass(frozen=True)
class RootOptions(Options):
    """What stands beside the groups."""

    seed: int = option(0, "root of all randomness", low=0)


def read_groups(config: ml_collections.ConfigDict, groups: Groups) -> dict[str, Any]:
    """Checks a configuration and turns it into option records.

    Args:
      config: the groups, and `seed`.
      groups: the record of each group.

    Returns:
      A record for each group by its name, and `seed`.

    Raises:
      OptionError: a field is unknown or its value not allowed; one line says which
        field, what was got and what is allowed.
    """
    values = json.loads(config.to_json())
    for name in values:
        _check_known(name, values[name], {*groups, "seed"})
    root = RootOptions(seed=values.get("seed", 0))
    records: dict[str, Any] = {"seed": root.seed}
    for group, record in groups.items():
        given = values.get(group, {})
        fields = {field.name for field in dataclasses.fields(record)}
        for name in given:
            _check_known(name, given[name], fields, prefix=f"{group}.")
        try:
            records[group] = record(**given)
        except OptionError as error:
            raise error.inside(group) from None
    return records


def _check_known(
    name: str, value: Any, known: Iterable[str], *, prefix: str = ""
) -> None:
    if name not in set(known):
        allowed = "one of " + ", ".join(sorted(known))
        raise OptionError(prefix + name, value, allowed)


def check_overrides(arguments: Sequence[str], groups: Groups) -> None:
    """Checks `--config.group.field=value` arguments before the flags are parsed.

    Args:
      arguments: the command line.
      groups: the record of each group that any configuration has.

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


def _find_field(name: str, value: str, groups: Groups) -> "dataclasses.Field[Any]":
    group, _, field = name.partition(".")
    if not field and group == "seed":
        return dataclasses.fields(RootOptions)[0]
    if group not in groups:
        raise OptionError(name, value, "a field of " + ", ".join([*groups, "seed"]))
    fields = {f.name: f for f in dataclasses.fields(groups[group])}
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
