"""The check of `--config.group.field=value` arguments before the flags are parsed."""

import dataclasses
from collections.abc import Mapping, Sequence

from qnas_jax.jobs.config import RootOptions, check_known
from qnas_jax.jobs.registry import JOBS
from qnas_jax.options import (
    OptionError,
    Options,
    accepts_text,
    describe_allowed,
    unknown_option,
)


def check_overrides(arguments: Sequence[str]) -> None:
    """Checks the overrides of a command line.

    Args:
      arguments: the command line.

    Raises:
      OptionError: no kind of configuration has the field, or its value is not of the
        field's type.
    """
    # Jobs may use one name for groups of their own: a strategy, an optimiser.
    groups: dict[str, list[type[Options]]] = {}
    for job in JOBS.values():
        for group, record in job.all_groups.items():
            groups.setdefault(group, []).append(record)
    for position, argument in enumerate(arguments):
        name, equals, value = argument.lstrip("-").partition("=")
        if not argument.startswith("-") or not name.startswith("config."):
            continue
        if not equals:
            value = "".join(arguments[position + 1 : position + 2])
        field = _find_field(name.removeprefix("config."), value, groups)
        if not accepts_text(field, value):
            allowed = describe_allowed(field)
            raise OptionError(name.removeprefix("config."), value, allowed)


def missing_field(error: Exception, arguments: Sequence[str]) -> str | None:
    """Names the override of a field that only configurations of another kind have.

    Args:
      error: what parsing the flags raised; its text is the field's name.
      arguments: the command line.

    Returns:
      One line, or None if that is not what happened.
    """
    name = str(error).strip("\"'")
    for argument in arguments:
        words = argument.lstrip("-").split("=")[0].split(".")
        if words[0] == "config" and name in words[1:]:
            return f"got {argument}, a field that --config does not have"
    return None


def _find_field(
    name: str, value: str, groups: Mapping[str, Sequence[type[Options]]]
) -> "dataclasses.Field[object]":
    group, _, field = name.partition(".")
    if not field and group == "seed":
        return dataclasses.fields(RootOptions)[0]
    if group not in groups:
        nearest = unknown_option(group, value, [*groups, "seed"])
        raise OptionError(name, value, nearest.allowed.replace("one", "a field", 1))
    fields = {f.name: f for record in groups[group] for f in dataclasses.fields(record)}
    check_known(field, value, fields, group=group)
    return fields[field]
