"""How an experiment gets all rows of its grid: alone, or with others in a folder."""

import dataclasses
import pathlib
from collections.abc import Iterator

from experiments.measuring.grids import Cell, Grid, Row
from experiments.measuring.rows import append_rows, provenance, read_rows
from experiments.sweeping.shared import SharedGrid


def all_rows(grid: Grid, out: str | None, folder: str | None) -> list[Row]:
    """Computes what has no rows yet.

    Args:
      grid: what is tried.
      out: JSONL file of rows, read and added to cell by cell; None: nothing is kept.
      folder: shared with other processes that work on the same grid
        (`experiments/sweeping/shared.py`), instead of `out`; None: this process alone.

    Returns:
      The rows of the grid, with their provenance where they are kept.

    Raises:
      UserError: the folder is of another grid, or a cell failed there.
    """
    if folder:
        return SharedGrid(_told(grid), pathlib.Path(folder)).work()
    rows = read_rows(out)
    for cell in grid.missing(rows):
        new = grid.rows_of(cell)
        append_rows(out, new)
        rows += new
    return [row for row in rows if grid.has(row)]


def _told(grid: Grid) -> Grid:
    """The same grid, whose rows say what made them."""

    def compute(cell: Cell) -> Iterator[Row]:
        made_by = provenance()
        return ({**row, **made_by} for row in grid.compute(cell))

    return dataclasses.replace(grid, compute=compute)
