"""Lines of a growing file: a JSON row each, and a check that ties it to those before.

A check is a digest of the line and of the check before it, in the chain of its stage.
"""

import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Any

from qnas_jax.files import digest

Row = dict[str, Any]
Position = dict[str, dict[str, Any]]
"""By stage, how many rows there are of it, `rows`, and the `check` of the last one."""

_CHECKED = re.compile(r'"check": "([0-9a-f]{12})"\}')
_CHECKED_LENGTH = len('"check": ""}') + 12
START = ""
"""The check before the first line of a stage."""


def start_of(stages: Iterable[str]) -> Position:
    """The position before the first row of some stages."""
    return {stage: {"rows": 0, "check": START} for stage in stages}


@dataclasses.dataclass(frozen=True)
class Line:
    """One line: its row, or why it is none."""

    number: int
    text: str
    row: Row
    check: str
    wrong: str

    @property
    def stage(self) -> str:
        """Whose chain it belongs to; "" where it has no row."""
        return stage_of(self.row)


def parsed(number: int, text: str, ends: Position) -> Line:
    """Reads a line.

    Args:
      number: of the line, from 1.
      text: without its end.
      ends: how far the rows before it go.

    Returns:
      The line; a wrong one has no row, or one that does not follow.
    """
    body, found = text[:-_CHECKED_LENGTH], text[-_CHECKED_LENGTH:]
    checked = _CHECKED.fullmatch(found)
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return Line(number, text, {}, "", f"got {_shown(text)}, expected a JSON row")
    if not isinstance(row, dict) or checked is None:
        return Line(
            number, text, {}, "", f"got {_shown(text)}, expected a row with its check"
        )
    check = checked[1]
    row.pop("check", None)
    wrong, end = "", ends.get(stage_of(row))
    if check != check_of(end["check"] if end else START, body.removesuffix(", ")):
        wrong = "not as it was written, or a row before it is gone"
    return Line(number, text, row, check, wrong)


def ends_of(lines: Iterable[Line]) -> Position:
    """How far the rows of each stage go."""
    ends: Position = {}
    for line in lines:
        move(ends, line)
    return ends


def move(ends: Position, line: Line) -> None:
    """Has a line be the last one of its stage."""
    end = ends.setdefault(line.stage, {"rows": 0, "check": START})
    end["rows"], end["check"] = end["rows"] + 1, line.check


def stage_of(row: Row) -> str:
    """Whose chain a row belongs to."""
    return str(row.get("stage", ""))


def check_of(before: str, body: str) -> str:
    """The check of a line: of what stands before it there, and of the check before."""
    return digest(before.encode(), body.encode("utf-8"))[:12]


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
