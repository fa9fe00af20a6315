"""A grid of cells that any number of processes work through in one folder.

    grid.json            which grid it is
    claims/              who works on which cell (`experiments/sweeping/claims.py`)
    cells/<cell>.jsonl   the rows of a finished cell, whole or not at all
    failed/<cell>.txt    the traceback of one that failed; removed, it is tried again
    rows.jsonl           all rows in the order of the cells, once all are finished

Processes come and go: what is finished is skipped, and the cell of a process that was
killed is taken over. The rows are those of one process that was never disturbed.
"""

import hashlib
import json
import pathlib
import time
import traceback

from experiments.measuring.grids import Cell, Grid, Row
from experiments.sweeping.claims import LEASE, Claims, publish
from qnas_jax.errors import UserError

_SECONDS_BETWEEN_LOOKS = 0.5  # at cells of others


class SharedGrid:
    """A grid in its folder."""

    def __init__(self, grid: Grid, folder: pathlib.Path, lease: float = LEASE):
        """Makes the folder, or joins those who work there.

        Args:
          grid: the cells, the same in every process.
          folder: on a file system that all processes share.
          lease: see `Claims`.

        Raises:
          UserError: the folder is that of another grid.
        """
        self._grid = grid
        self._folder = folder
        self._claims = Claims(folder / "claims", lease)
        self._names = {
            _name(number, cell): cell for number, cell in enumerate(grid.cells)
        }
        about = {"grid": grid.name, "cells": list(grid.cells)}
        self._join((json.dumps(about, sort_keys=True) + "\n").encode())

    def work(self) -> list[Row]:
        """Computes what nobody has, until all cells are finished.

        Returns:
          All rows, in the order of the cells.

        Raises:
          UserError: a cell failed, here or in another process.
        """
        left = dict(self._names)
        while left:
            before = len(left)
            for name in list(left):
                if self._is_over(name) or self._compute(name):
                    del left[name]
            if left and len(left) == before:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        failed = sorted(path.name for path in (self._folder / "failed").glob("*.txt"))
        if failed:
            raise UserError(
                f"{self._folder}: {len(failed)} of {len(self._names)} cells failed, "
                f"the first says why in failed/{failed[0]}; without that file the same "
                "command tries it again"
            )
        whole = b"".join(self._rows_of(name).read_bytes() for name in self._names)
        publish(self._folder / "rows.jsonl", whole, self._claims.owner)
        return [json.loads(line) for line in whole.decode().splitlines()]

    def _compute(self, name: str) -> bool:
        """Computes a cell, unless somebody else does; whether it is over."""
        with self._claims.held(name) as mine:
            if not mine:
                return False
            if not self._is_over(name):  # by now
                self._write(name, self._names[name])
            return True

    def _write(self, name: str, cell: Cell) -> None:
        try:
            rows = self._grid.rows_of(cell)
            text = "".join(json.dumps(row) + "\n" for row in rows)
        except Exception:
            content = traceback.format_exc().encode()
            publish(self._failure_of(name), content, self._claims.owner)
            self._claims.give_up(name)
        else:
            publish(self._rows_of(name), text.encode(), self._claims.owner)

    def _is_over(self, name: str) -> bool:
        return self._rows_of(name).exists() or self._failure_of(name).exists()

    def _rows_of(self, name: str) -> pathlib.Path:
        return self._folder / "cells" / f"{name}.jsonl"

    def _failure_of(self, name: str) -> pathlib.Path:
        return self._folder / "failed" / f"{name}.txt"

    def _join(self, about: bytes) -> None:
        path = self._folder / "grid.json"
        if not path.exists():
            publish(path, about, self._claims.owner)
        if path.read_bytes() != about:
            raise UserError(
                f"{path}: got a folder of another grid, or of other flags; expected "
                f"those of {self._grid.name} as they are now; use another --dir"
            )


def _name(number: int, cell: Cell) -> str:
    text = json.dumps(cell, sort_keys=True)
    return f"{number:05d}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"
