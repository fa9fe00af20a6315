"""What `--config.group.field=?` says: meaning, range and value of options."""

import dataclasses
from collections.abc import Iterator, Sequence

from ml_collections import ConfigDict

from qnas_jax.jobs import JOBS, job_of
from qnas_jax.jobs.config import RootOptions
from qnas_jax.options import Options, describe_allowed, unknown_option

_MOST_CHOICES = 200  # letters


def explain(config: ConfigDict, name: str) -> list[str]:
    """Explains an option, or all of a group.

    Args:
      config: whose values are shown.
      name: `group.field`, `group`, or `seed`; "": lists the groups.

    Returns:
      Lines to print.

    Raises:
      OptionError: this kind of configuration has no such option.
    """
    groups = job_of(config).all_groups
    group, _, field = name.partition(".")
    if not name:
        return [f"--config.{each}=?" for each in (*groups, "seed")]
    if group == "seed":
        return list(_fields(RootOptions, "", config.to_dict(), "seed"))
    if group not in groups:
        raise unknown_option(name, "?", [*groups, "seed"])
    known = [each.name for each in dataclasses.fields(groups[group])]
    if field and field not in known:
        raise unknown_option(field, "?", known).inside(group)
    values = config[group].to_dict()
    lines = list(_fields(groups[group], f"{group}.", values, field))
    return lines or [f"{group}: has no options"]


def explain_all() -> str:
    """Every option of every job, by group, with its default."""
    shown: set[tuple[str, type[Options]]] = set()
    parts = ["Options (--config.GROUP.FIELD=VALUE)"]
    for job in JOBS.values():
        for group, record in job.all_groups.items():
            if (group, record) not in shown and dataclasses.fields(record):
                shown.add((group, record))
                lines = _fields(record, f"{group}.", dataclasses.asdict(record()), "")
                parts.append("\n".join([f"\n{group} ({job.name})", *lines]))
    return "\n".join(parts)


def asked_for(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divides a command line into what it asks to be explained, and the rest.

    Args:
      arguments: words such as `--config.search.generations=?`.

    Returns:
      The names that are asked for, "" for `--config=?`, and the other words.
    """
    names, rest = [], []
    for argument in arguments:
        name, _, value = argument.lstrip("-").partition("=")
        if value == "?" and argument.startswith("-") and name.startswith("config."):
            names.append(name.removeprefix("config."))
        else:
            rest.append(argument)
    return names, rest


def _fields(
    record: type[Options], prefix: str, values: dict[str, object], only: str
) -> Iterator[str]:
    for field in dataclasses.fields(record):
        if only and field.name != only:
            continue
        value, default = values[field.name], field.default
        usual = "" if value == default else f"   (default {_shown(default)})"
        allowed = describe_allowed(field)
        if not only and len(allowed) > _MOST_CHOICES:
            allowed = allowed[:_MOST_CHOICES].rpartition(",")[0] + ", ..."
        yield f"  {prefix}{field.name} = {_shown(value)}{usual}"
        yield f"      {field.metadata['doc']}"
        yield f"      allowed: {allowed}"


def _shown(value: object) -> str:
    """A value as a flag takes it."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value)) or "(nothing)"
    return str(value) if value != "" else "(nothing)"
