"""Configuration files for experiments, changed as `main.py` changes them by flags."""

import importlib.util
from collections.abc import Sequence
from typing import Any

import ml_collections

from qnas_jax.jobs.overrides import check_overrides


def load_config(file: str, overrides: Sequence[str] = ()) -> ml_collections.ConfigDict:
    """Reads a configuration file and changes it.

    Args:
      file: a Python file with `get_config`.
      overrides: assignments such as "supernet.width=0.25".

    Returns:
      The configuration.

    Raises:
      OptionError: there is no such option, or its value is of another type.
    """
    spec = importlib.util.spec_from_file_location("config", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    for argument in check_overrides([f"--config.{text}" for text in overrides]):
        name, _, text = argument.removeprefix("--config.").partition("=")
        group, _, field = name.rpartition(".")
        target = config[group] if group else config
        target[field] = _value(text, target[field])
    return config


def _value(text: str, before: Any) -> Any:
    """A flag's text as a value of the type of the present one."""
    if isinstance(before, bool):
        return text.lower() in ("true", "1")
    if isinstance(before, tuple):
        words = [word.strip(" '\"") for word in text.strip("()[]").split(",")]
        kind = type(before[0]) if before else str
        return tuple(kind(word) for word in words if word)
    return type(before)(text)
