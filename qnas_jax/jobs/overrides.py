"""The check of `--config.group.field=value` arguments before the flags are parsed."""

import ast
import dataclasses
import difflib
from collections.abc import Mapping, Sequence

from qnas_jax.jobs.config import RootOptions, check_known
from qnas_jax.jobs.failures import describe_os_error
from qnas_jax.jobs.registry import JOBS
from qnas_jax.options import (
    OptionError,
    Options,
    accepts_text,
    describe_allowed,
    element_type,
    unknown_option,
)
from qnas_jax.user_code.files import describe_error, line_in

_ALIKE = 0.75
_ASKED = "did you mean"
_MOST_PLACES = 3


def check_overrides(arguments: Sequence[str]) -> list[str]:
    """Checks the overrides of a command line.

    Args:
      arguments: the command line.

    Returns:
      The command line with words in quotes where several stand for one option, so that
      its flag does not take `op_*,x` for an expression.

    Raises:
      OptionError: no kind of configuration has the field, or its value is not of the
        field's type.
    """
    # Jobs may use one name for groups of their own: a strategy, an optimiser.
    groups: dict[str, list[type[Options]]] = {}
    for job in JOBS.values():
        for group, record in job.all_groups.items():
            groups.setdefault(group, []).append(record)
    checked = list(arguments)
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
        if element_type(field) is str and field.metadata["of"]:
            if equals:
                checked[position] = f"--{name}={_quoted(value)}"
            elif position + 1 < len(arguments):
                checked[position + 1] = _quoted(value)
    return checked


def _quoted(text: str) -> str:
    """Words with commas between them as Python writes a tuple, or what is one."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        words = [word.strip() for word in text.split(",")]
        return repr(tuple(word for word in words if word))
    return text


def describe_parsing(error: BaseException, arguments: Sequence[str]) -> str:
    """What went wrong while the flags were parsed and the configuration was run.

    Args:
      error: what was raised.
      arguments: the command line.

    Returns:
      One line, with file and line where it is the configuration's own code.
    """
    file = _config_file(arguments)
    # The library raises errors of its own, in the course of handling those of the file.
    cause: BaseException | None = error
    while cause is not None:
        if line_in(cause, file) is not None:
            return describe_error(cause, file)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, OSError) and error.errno is not None:
        return describe_os_error(error)
    missing = None
    if isinstance(error, AttributeError) and error.name == "get_config":
        return f"{file}: got no get_config, expected a function that returns a config"
    if isinstance(error, KeyError | AttributeError):
        missing = _missing_field(error, arguments)
    return missing or " ".join(str(error).split()) or type(error).__name__


def _config_file(arguments: Sequence[str]) -> str:
    """The file that `--config` names; what follows a colon is an argument of it."""
    file = ""
    for position, argument in enumerate(arguments):
        name, equals, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and name == "config":
            file = value if equals else "".join(arguments[position + 1 : position + 2])
    return file.partition(":")[0]


def _missing_field(error: Exception, arguments: Sequence[str]) -> str | None:
    """Names the override of a field that only configurations of another kind have."""
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
        allowed = unknown_option(group, value, [*groups, "seed"]).allowed
        near = "" if _ASKED in allowed else _elsewhere("", field or group, groups)
        raise OptionError(name, value, allowed.replace("one", "a field", 1) + near)
    fields = {f.name: f for record in groups[group] for f in dataclasses.fields(record)}
    try:
        check_known(field, value, fields, group=group)
    except OptionError as error:
        near = "" if _ASKED in error.allowed else _elsewhere(group, field, groups)
        raise OptionError(name, value, error.allowed + near) from None
    return fields[field]


def _elsewhere(
    own: str, field: str, groups: Mapping[str, Sequence[type[Options]]]
) -> str:
    """Fields of such a name in other groups, in words."""
    places: dict[str, list[str]] = {}
    for group in groups.keys() - {own}:
        for record in groups[group]:
            for each in dataclasses.fields(record):
                places.setdefault(each.name, []).append(f"{group}.{each.name}")
    near = difflib.get_close_matches(field, places, n=1, cutoff=_ALIKE)
    found = list(
        dict.fromkeys(place for name in near for place in sorted(places[name]))
    )
    if not found or len(found) > _MOST_PLACES:
        return ""
    return f" ({_ASKED} {' or '.join(found)}?)"
