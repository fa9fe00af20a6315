"""Grids of cells: the one way in which long experiments go through what they try.

A cell is what a row of results is about: a setting, a seed, and whatever scale must be
equal for rows to be compared. What has rows is not done again.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Cell = Mapping[str, Any]
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Grid:
    """What is to be tried.

    Attributes:
      name: of the experiment.
      cells: JSON objects that differ.
      compute: what became of a cell; its rows are the cell's fields and these.
    """

    name: str
    cells: Sequence[Cell]
    compute: Callable[[Cell], Iterable[Row]]

    def missing(self, done: Sequence[Mapping[str, Any]] = ()) -> list[Cell]:
        """The cells that have no row yet."""
        return [
            cell
            for cell in self.cells
            if not any(cell.items() <= row.items() for row in done)
        ]

    def has(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is that of a cell."""
        return any(cell.items() <= row.items() for cell in self.cells)

    def rows_of(self, cell: Cell) -> list[Row]:
        """Computes a cell."""
        return [{**cell, **row} for row in self.compute(cell)]

    def run(self, done: Sequence[Mapping[str, Any]] = ()) -> Iterator[Row]:
        """Computes the cells that have no row yet, and yields their rows."""
        for cell in self.missing(done):
            yield from self.rows_of(cell)
