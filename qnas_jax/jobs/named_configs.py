"""Configurations by name, by file or as they are, changed by dotted names."""

import pathlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import ml_collections

from qnas_jax.errors import UserError
from qnas_jax.jobs.registry import named_config
from qnas_jax.options import shown, unknown_option

Source: TypeAlias = "str | pathlib.Path | ml_collections.ConfigDict"


def make_config(
    config: Source = "default", overrides: Mapping[str, Any] | None = None
) -> ml_collections.ConfigDict:
    """Makes a configuration for `run`.

    >>> import qnas_jax as qnas
    >>> config = qnas.make_config("digits", {"search.generations": 5})
    >>> config.search.generations, config.space.name
    (5, 'digits')

    Args:
      config: a name such as "digits" (see `configs/`), "default" (all defaults), the
        path of a file with `get_config()`, or a configuration.
      overrides: values by dotted names, as `--config.search.generations=5` sets one.

    Returns:
      A new `ConfigDict`; values are checked when it is run.

    Raises:
      UserError: there is no such configuration or field.
    """
    made = _loaded(config)
    for name, value in (overrides or {}).items():
        _override(made, name, value)
    return made


def _loaded(config: Source) -> ml_collections.ConfigDict:
    if isinstance(config, ml_collections.ConfigDict):
        return ml_collections.ConfigDict(config).copy_and_resolve_references()
    return named_config(str(config))


def _override(config: ml_collections.ConfigDict, name: str, value: Any) -> None:
    group, _, field = str(name).partition(".")
    if group not in config:
        raise unknown_option(name, value, config)
    if not field:
        if isinstance(config[group], ml_collections.ConfigDict):
            raise UserError(
                f"{name}: got {shown(value)} for a group, expected a field such as "
                f"{name}.{next(iter(config[group]), 'x')}"
            )
        config[group] = value
        return
    fields = config[group]
    if not isinstance(fields, ml_collections.ConfigDict) or field not in fields:
        known = fields if isinstance(fields, ml_collections.ConfigDict) else ()
        raise unknown_option(field, value, known).inside(group)
    with fields.ignore_type():  # Types are checked with ranges, by the option records.
        fields[field] = value
