"""Growing files of JSON rows, one a line, whose order and content are checked.

Each line ends with a check: a digest of the line and of the check before it. So a line
that was dropped, doubled or changed is found, and its number. Rows with a field `stage`
have a chain of their own for each stage; taking the rows of one stage out leaves those
of the others as they are.

A last line without an end is what a kill leaves behind. It does not count, and the next
row takes its place. Rows are on the disk some seconds after they were appended, and
when `position` has returned, which is asked before what builds on them is written.
"""

import dataclasses
import json
import os
import pathlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from absl import logging

from qnas_jax.files import digest, replace_file, sync_file, sync_folder
from qnas_jax.runs.errors import RunError
from qnas_jax.runs.json_files import plain

Row = dict[str, Any]
Position = dict[str, dict[str, Any]]
"""By stage, how many rows there are of it, `rows`, and the `check` of the last one."""

_CHECKED = re.compile(r'^(\{.*?)(?:, )?"check": "([0-9a-f]{12})"\}$', re.DOTALL)
_START = ""
_SECONDS_BETWEEN_SYNCS = 5.0  # A sync takes as long as scoring a small generation.


def start_of(stages: Iterable[str]) -> Position:
    """The position before the first row of some stages."""
    return {stage: {"rows": 0, "check": _START} for stage in stages}


class DamagedRowError(RunError):
    """A line is not as it was written; `str()` is one complete line."""

    def __init__(self, path: pathlib.Path, line: int, why: str, remedy: str):
        super().__init__(f"{path}, line {line}: {why}; put it back, or {remedy}")
        self.line = line


@dataclasses.dataclass(frozen=True)
class _Line:
    """One line: its row, or why it is none."""

    number: int
    text: str
    row: Row
    check: str
    wrong: str

    @property
    def stage(self) -> str:
        return _stage(self.row)


class RowLog:
    """The rows of one file, in the order in which they were appended."""

    def __init__(self, path: pathlib.Path, remedy: str = "use another --workdir"):
        """Nothing is read yet.

        Args:
          path: file; made when the first row is appended.
          remedy: what the user can do if a line is damaged.
        """
        self._path = path
        self._remedy = remedy
        self._ends: Position = {}
        self._seen: tuple[int, ...] = ()  # the file whose ends are known
        self._synced = time.monotonic()

    def append(self, rows: Iterable[Row]) -> None:
        """Appends rows behind the last whole line."""
        rows = list(rows)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self._path.exists()
        if is_new or not self._is_as_seen():
            self._cut_half_line()
            self._ends = _ends_of(line for line in self._lines() if not line.wrong)
        text = "".join(self._sealed(row) for row in rows)
        with open(self._path, "ab") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            if time.monotonic() - self._synced >= _SECONDS_BETWEEN_SYNCS:
                os.fsync(file.fileno())
                self._synced = time.monotonic()
            self._seen = _version(os.fstat(file.fileno()))
        if is_new:
            sync_folder(self._path.parent)

    def read(self) -> list[Row]:
        """All rows, without their checks; none if the file is absent.

        Raises:
          DamagedRowError: a line is not as it was written.
        """
        lines = self._lines()
        for line in lines:
            self._raise_for(line)
        return [line.row for line in lines]

    def position(self, stages: Iterable[str]) -> Position:
        """How far the rows of some stages go; they are on the disk then."""
        if self._path.is_file():
            sync_file(self._path)
        stages, ends = list(stages), self._ends
        if not (self._seen and self._is_as_seen()):
            ends = _ends_of(self._lines())
        return start_of(stages) | {
            stage: dict(ends[stage]) for stage in stages if stage in ends
        }

    def check(self, position: Position, *, whole: bool) -> None:
        """Checks that the rows up to a position are as they were written.

        Args:
          position: as `position` said it.
          whole: whether there may be no further rows of these stages.

        Raises:
          DamagedRowError: a line up to there is not as it was written.
          RunError: there are fewer rows, or more.
        """
        lines = self._lines()
        for stage, wanted in position.items():
            own = [line for line in lines if not line.wrong and line.stage == stage]
            count = wanted["rows"]
            last = own[count - 1].check if 0 < count <= len(own) else _START
            enough = len(own) == count if whole else len(own) >= count
            if enough and last == wanted["check"]:
                continue
            for line in lines:
                if line.wrong and line.stage in (stage, ""):
                    self._raise_for(line)
            raise RunError(
                f"{self._path}: got {len(own)} rows of {stage}, expected {count} as "
                f"they were written; put it back, or {self._remedy}"
            )

    def cut(self, position: Position) -> None:
        """Takes out what was appended after a position, for work that is done again.

        Args:
          position: as `position` said it, `rows` 0 for all of a stage.

        Raises:
          DamagedRowError: a line up to there is not as it was written.
          RunError: there are fewer rows.
        """
        self.check(position, whole=False)
        left = {stage: wanted["rows"] for stage, wanted in position.items()}

        def stays(line: _Line) -> bool:
            if line.wrong or line.stage not in left:
                return not line.wrong
            left[line.stage] -= 1
            return left[line.stage] >= 0

        self._rewrite(stays)

    def keep(self, stage: str, count: int) -> None:
        """Takes out the rows of a stage after the first ones; see `cut`."""
        own = [line for line in self._lines() if line.stage == stage and not line.wrong]
        check = own[count - 1].check if 0 < count <= len(own) else _START
        self.cut({stage: {"rows": count, "check": check}})

    def drop(self, stages: Iterable[str]) -> None:
        """Takes out all rows of some stages, and all lines that are no rows."""
        dropped = set(stages)
        self._rewrite(lambda line: not line.wrong and line.stage not in dropped)

    def _rewrite(self, stays: Callable[[_Line], bool]) -> None:
        lines = self._lines()
        kept = [line for line in lines if stays(line)]
        for line in lines:
            if line.wrong:
                logging.warning("%s, line %d: left out", self._path, line.number)
        if len(kept) < len(lines):
            text = "".join(line.text + "\n" for line in kept)
            replace_file(self._path, text.encode("utf-8"))

    def _sealed(self, row: Row) -> str:
        body = json.dumps(plain(row), allow_nan=False)[:-1]
        stage = _stage(row)
        end = self._ends.get(stage, {"rows": 0, "check": _START})
        check = _check(end["check"], body)
        self._ends[stage] = {"rows": end["rows"] + 1, "check": check}
        comma = ", " if row else ""
        return f'{body}{comma}"check": "{check}"}}\n'

    def _is_as_seen(self) -> bool:
        """Whether nobody else has changed the file since rows were appended."""
        return self._path.exists() and _version(self._path.stat()) == self._seen

    def _raise_for(self, line: _Line) -> None:
        if line.wrong:
            raise DamagedRowError(self._path, line.number, line.wrong, self._remedy)

    def _cut_half_line(self) -> None:
        if self._path.exists():
            content = self._path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                logging.warning("%s: the last line is incomplete, left out", self._path)
                with open(self._path, "r+b") as file:
                    file.truncate(whole)

    def _lines(self) -> list[_Line]:
        """All whole lines; a wrong one has no row, or one that does not follow."""
        if not self._path.exists():
            return []
        if self._path.is_dir():
            raise RunError(f"{self._path}: got a folder, expected a file; move it away")
        *whole, _ = self._path.read_bytes().split(b"\n")
        heads: dict[str, str] = {}
        lines = []
        for number, content in enumerate(whole, start=1):
            text = content.decode("utf-8", errors="replace")
            line = _parsed(number, text, heads)
            if not line.wrong:
                heads[line.stage] = line.check
            lines.append(line)
        return lines


def _parsed(number: int, text: str, heads: Mapping[str, str]) -> _Line:
    found = _CHECKED.match(text)
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return _Line(number, text, {}, "", f"got {_shown(text)}, expected a JSON row")
    if not isinstance(row, dict) or found is None:
        return _Line(
            number, text, {}, "", f"got {_shown(text)}, expected a row with its check"
        )
    body, check = found.groups()
    row.pop("check", None)
    wrong = ""
    if check != _check(heads.get(_stage(row), _START), body):
        wrong = "not as it was written, or a row before it is gone"
    return _Line(number, text, row, check, wrong)


def _ends_of(lines: Iterable[_Line]) -> Position:
    """How far the rows of each stage go."""
    ends: Position = {}
    for line in lines:
        rows = ends[line.stage]["rows"] if line.stage in ends else 0
        ends[line.stage] = {"rows": rows + 1, "check": line.check}
    return ends


def _version(status: os.stat_result) -> tuple[int, ...]:
    """Changes when a file is written to or replaced."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _stage(row: Row) -> str:
    return str(row.get("stage", ""))


def _check(before: str, body: str) -> str:
    return digest(before.encode(), body.encode("utf-8"))[:12]


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")


def read_rows(path: pathlib.Path) -> list[Row]:
    """All rows of a file, see `RowLog.read`."""
    return RowLog(path).read()


def write_rows(path: pathlib.Path, rows: Iterable[Row]) -> None:
    """Writes a file of rows whole or not at all; they are results and have no checks.

    Args:
      path: file; another one is replaced.
      rows: what it is to hold.
    """
    lines = (json.dumps(plain(row), allow_nan=False) + "\n" for row in rows)
    replace_file(path, "".join(lines).encode("utf-8"))
