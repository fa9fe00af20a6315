"""Outcomes on their way to a history: kept as soon as they are known.

A population of evaluations that take hours each is recorded when the last of them has
ended. Whoever is killed before finds here what was known, and asks only for the rest.
"""

import dataclasses
import functools
import json
import pathlib
from typing import Any

from qnas_jax.files import digest
from qnas_jax.status import Status
from qnas_jax.user_code.calls import Outcome


class KeptOutcomes:
    """A file of outcomes by name; half a line, or a changed one, does not count."""

    def __init__(self, path: pathlib.Path | None):
        """Nothing is read before it is asked for.

        Args:
          path: the file; it may be absent. None: they are kept in memory only.
        """
        self._path = path
        self._whole = True  # whether the last line is

    @functools.cached_property
    def _known(self) -> dict[str, Outcome]:
        if self._path is None or not self._path.exists():
            return {}
        text = self._path.read_text(encoding="utf-8", errors="replace")
        self._whole = text.endswith("\n") or not text
        return dict(filter(None, map(_read, text.splitlines())))

    def find(self, name: str) -> Outcome | None:
        """The outcome of a name, if it is known."""
        return self._known.get(name)

    def keep(self, name: str, outcome: Outcome) -> None:
        """Adds an outcome."""
        self._known[name] = outcome
        if self._path is None:
            return
        row = {"name": name, "outcome": dataclasses.asdict(outcome)}
        line = json.dumps({**row, "check": _check(row)})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(("" if self._whole else "\n") + line + "\n")
        self._whole = True

    def clear(self) -> None:
        """Forgets all: they have arrived."""
        self._known.clear()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._whole = True


def _check(row: dict[str, Any]) -> str:
    return digest(json.dumps(row).encode())[:12]


def _read(line: str) -> tuple[str, Outcome] | None:
    try:
        row = json.loads(line)
        if row.pop("check") != _check(row):
            return None
        status = Status(row["outcome"].pop("status"))
        return row["name"], Outcome(status, **row["outcome"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
