"""Finished runs, read from their work folders."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from qnas_jax.errors import UserError
from qnas_jax.reading import parse_json, read_bytes


@dataclasses.dataclass(frozen=True)
class Finished:
    """One run.

    Attributes:
      folder: its work folder.
      result: the content of `result.json` or `solution.json`; empty before it is there.
      config: the content of `config.json`.
    """

    folder: pathlib.Path
    result: Mapping[str, Any]
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def read_finished(folder: pathlib.Path) -> Finished:
    """Reads what a run has found.

    Args:
      folder: a work folder.

    Returns:
      The run.

    Raises:
      UserError: a file is damaged.
    """
    for name in ("result.json", "solution.json"):
        if (folder / name).is_file():
            result = _read_object(folder / name)
            return Finished(folder, result, _read_object(folder / "config.json"))
    return Finished(folder, {})


def _read_object(path: pathlib.Path) -> dict[str, Any]:
    value = parse_json(read_bytes(path), str(path))
    if not isinstance(value, dict):
        raise UserError(f"{path}: got no JSON object, expected a result")
    return value


def damaged(run: Finished, error: Exception) -> UserError:
    """What a user is told of a result that cannot be read."""
    return UserError(
        f"{run.folder}: its result is not as a run leaves it ({type(error).__name__}: "
        f"{error}); --stage=report writes it again"
    )
