"""JSON files of a work folder: written whole, and sealed where a stage reads them.

A sealed file holds the digest of its own values, so that a change by another hand is
seen when it is read. Files for users to read have no seal; where a stage reads them,
their digest stands in a mark (`jobs/markers.py`).
"""

import json
import math
import pathlib
from typing import Any

from qnas_jax.files import digest, replace_file
from qnas_jax.reading import reason
from qnas_jax.runs.errors import RunError

_SEAL = "seal"


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes a JSON file whole or not at all; numbers not finite become null."""
    text = json.dumps(plain(value), indent=2, allow_nan=False)
    replace_file(path, (text + "\n").encode("utf-8"))


def read_json(path: pathlib.Path) -> Any:
    """Reads a JSON file of the work folder.

    Args:
      path: file.

    Returns:
      Its value.

    Raises:
      RunError: the file is missing or damaged.
    """
    return _read(path, "delete it or use another --workdir")


def read_object(path: pathlib.Path) -> dict[str, Any]:
    """Reads a JSON object of the work folder; see `read_json`."""
    remedy = "delete it or use another --workdir"
    return _object(path, _read(path, remedy), remedy)


def write_sealed(path: pathlib.Path, value: dict[str, Any]) -> None:
    """Writes a JSON object that only `read_sealed` reads."""
    value = plain(value)
    write_json(path, {**value, _SEAL: _seal(path, value)})


def read_sealed(path: pathlib.Path, remedy: str) -> dict[str, Any]:
    """Reads what `write_sealed` wrote.

    Args:
      path: file.
      remedy: what the user can do if it is not as it was written.

    Returns:
      The object, without its seal.

    Raises:
      RunError: the file is missing, damaged or changed.
    """
    value = _object(path, _read(path, remedy), remedy)
    if value.pop(_SEAL, None) != _seal(path, value):
        raise RunError(
            f"{path}: not as it was written; put it back, or {remedy}"
        ) from None
    return value


def plain(value: Any) -> Any:
    """JSON has no NaN: numbers that are not finite become null, at any depth."""
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _seal(path: pathlib.Path, value: dict[str, Any]) -> str:
    """Of one file's name too, so that none can take the place of another."""
    text = json.dumps(value, sort_keys=True)
    return digest(path.name.encode("utf-8"), text.encode("utf-8"))


def _read(path: pathlib.Path, remedy: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path}: missing; put it back, or {remedy}") from None
    except IsADirectoryError:
        raise RunError(f"{path}: got a folder, expected a file; {remedy}") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged ({reason(error)}); {remedy}") from None


def _object(path: pathlib.Path, value: Any, remedy: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RunError(
            f"{path}: damaged (got a JSON {type(value).__name__}, expected an object); "
            f"{remedy}"
        )
    return value
