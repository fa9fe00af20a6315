"""Growing files of JSON rows, one a line, whose order and content are checked.

Each line ends with a check: a digest of the line and of the check before it. So a line
that was dropped, doubled or changed is found, and its number. Rows with a field `stage`
have a chain of their own for each stage; taking the rows of one stage out leaves those
of the others as they are.

A last line without an end is what a kill leaves behind. It does not count, and the next
row takes its place. Rows are on the disk some seconds after they were appended, and
when `position` has returned, which is asked before what builds on them is written.
"""

import json
import os
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator

from absl import logging

from qnas_jax.files import replace_file, sync_file, sync_folder
from qnas_jax.runs.errors import RunError
from qnas_jax.runs.json_files import plain
from qnas_jax.runs.row_lines import (
    START,
    Line,
    Position,
    Row,
    check_of,
    ends_of,
    move,
    parsed,
    stage_of,
    start_of,
)

_SECONDS_BETWEEN_SYNCS = 5.0  # A sync takes as long as scoring a small generation.


class DamagedRowError(RunError):
    """A line is not as it was written; `str()` is one complete line."""

    def __init__(self, path: pathlib.Path, line: int, why: str, remedy: str):
        super().__init__(f"{path}, line {line}: {why}; put it back, or {remedy}")
        self.line = line


class RowLog:
    """The rows of one file, in the order in which they were appended.

    Attributes:
      latest: the last row that this process appended; empty before the first.
    """

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
        self.latest: Row = {}

    def append(self, rows: Iterable[Row]) -> None:
        """Appends rows behind the last whole line."""
        rows = list(rows)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self._path.exists()
        if is_new or not self._is_as_seen():
            self._cut_half_line()
            self._ends = self._read_ends()
        text = "".join(self._sealed(row) for row in rows)
        with open(self._path, "ab") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            if time.monotonic() - self._synced >= _SECONDS_BETWEEN_SYNCS:
                os.fsync(file.fileno())
                self._synced = time.monotonic()
            self._seen = _version(os.fstat(file.fileno()))
        self.latest = rows[-1] if rows else self.latest
        if is_new:
            sync_folder(self._path.parent)

    def read(self) -> list[Row]:
        """All rows, without their checks; none if the file is absent.

        Raises:
          DamagedRowError: a line is not as it was written.
        """
        return list(self.each())

    def each(self) -> Iterator[Row]:
        """All rows one by one, so that a file may be larger than the memory.

        Raises:
          DamagedRowError: the next line is not as it was written.
        """
        for line in self._lines():
            self._raise_for(line)
            yield line.row

    def position(self, stages: Iterable[str]) -> Position:
        """How far the rows of some stages go; they are on the disk then."""
        if self._path.is_file():
            sync_file(self._path)
        stages = list(stages)
        ends = self._ends if self._is_as_seen() else self._read_ends()
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
        if self._ends_at(position):
            return
        counts = dict.fromkeys(position, 0)
        checks = dict.fromkeys(position, START)  # of the last rows that are wanted
        wrong: dict[str, Line] = {}  # the first of each stage
        for line in self._lines():
            if line.wrong:
                wrong.setdefault(line.stage, line)
            elif line.stage in position:
                counts[line.stage] += 1
                if counts[line.stage] == position[line.stage]["rows"]:
                    checks[line.stage] = line.check
        for stage, wanted in position.items():
            count = counts[stage]
            enough = count == wanted["rows"] if whole else count >= wanted["rows"]
            if enough and checks[stage] == wanted["check"]:
                continue
            lines = [wrong[each] for each in (stage, "") if each in wrong]
            for line in sorted(lines, key=lambda line: line.number):
                self._raise_for(line)
            raise RunError(
                f"{self._path}: got {count} rows of {stage}, expected "
                f"{wanted['rows']} as they were written; put it back, or {self._remedy}"
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

        def stays(line: Line) -> bool:
            if line.wrong or line.stage not in left:
                return not line.wrong
            left[line.stage] -= 1
            return left[line.stage] >= 0

        self._rewrite(stays)

    def keep(self, stage: str, count: int) -> None:
        """Takes out the rows of a stage after the first ones; see `cut`."""
        check, rows = START, 0
        for line in self._lines():
            if line.stage == stage and not line.wrong:
                rows += 1
                check = line.check if rows == count else check
        self.cut({stage: {"rows": count, "check": check}})

    def drop(self, stages: Iterable[str]) -> None:
        """Takes out all rows of some stages, and all lines that are no rows."""
        dropped = set(stages)
        self._rewrite(lambda line: not line.wrong and line.stage not in dropped)

    def _rewrite(self, stays: Callable[[Line], bool]) -> None:
        kept, all_stay = [], True
        for line in self._lines():
            if line.wrong:
                logging.warning("%s, line %d: left out", self._path, line.number)
            if stays(line):
                kept.append(line.text)
            else:
                all_stay = False
        if not all_stay:
            text = "".join(line + "\n" for line in kept)
            replace_file(self._path, text.encode("utf-8"))

    def _sealed(self, row: Row) -> str:
        body = json.dumps(plain(row), allow_nan=False)[:-1]
        stage = stage_of(row)
        end = self._ends.get(stage, {"rows": 0, "check": START})
        check = check_of(end["check"], body)
        self._ends[stage] = {"rows": end["rows"] + 1, "check": check}
        comma = ", " if row else ""
        return f'{body}{comma}"check": "{check}"}}\n'

    def _ends_at(self, position: Position) -> bool:
        """Whether the file is known to end there, as far as these stages go."""
        ends = start_of(position) | self._ends
        return self._is_as_seen() and all(
            ends[each] == position[each] for each in position
        )

    def _read_ends(self) -> Position:
        return ends_of(line for line in self._lines() if not line.wrong)

    def _is_as_seen(self) -> bool:
        """Whether nobody else has changed the file since its ends were known."""
        return self._path.exists() and _version(self._path.stat()) == self._seen

    def _raise_for(self, line: Line) -> None:
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

    def _lines(self) -> Iterator[Line]:
        """All whole lines; a wrong one has no row, or one that does not follow.

        The ends are known when all were right.
        """
        if not self._path.exists():
            return
        if self._path.is_dir():
            raise RunError(f"{self._path}: got a folder, expected a file; move it away")
        ends: Position = {}
        is_right = True
        with open(self._path, "rb") as file:
            version = _version(os.fstat(file.fileno()))
            for number, content in enumerate(file, start=1):
                if not content.endswith(b"\n"):
                    is_right = False
                    break
                text = content[:-1].decode("utf-8", errors="replace")
                line = parsed(number, text, ends)
                if line.wrong:
                    is_right = False
                else:
                    move(ends, line)
                yield line
        if is_right:
            self._ends, self._seen = ends, version


def _version(status: os.stat_result) -> tuple[int, ...]:
    """Changes when a file is written to or replaced."""
    return status.st_ino, status.st_size, status.st_mtime_ns


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
