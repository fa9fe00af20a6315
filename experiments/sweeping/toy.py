"""A grid that computes next to nothing, to see what becomes of disturbed sweeps.

python -m experiments.sweeping.toy --dir=FOLDER [--cells=1000] [--seconds=0.01]
"""

import hashlib
import pathlib
import time
from collections.abc import Iterator, Sequence

from absl import app, flags

from experiments.measuring.grids import Cell, Grid, Row
from experiments.sweeping.shared import SharedGrid


def toy_grid(cells: int, seconds: float = 0.0) -> Grid:
    """Cells with two rows each that follow from their number.

    Args:
      cells: how many.
      seconds: that each takes.
    """

    def compute(cell: Cell) -> Iterator[Row]:
        time.sleep(seconds)
        for half in range(2):
            text = f"{cell['number']} {half}".encode()
            yield {"half": half, "value": hashlib.sha256(text).hexdigest()}

    return Grid("toy", [{"number": number} for number in range(cells)], compute)


def main(_: Sequence[str]) -> None:
    """Works, and says how many rows there are."""
    grid = toy_grid(_CELLS.value, _SECONDS.value)
    rows = SharedGrid(grid, pathlib.Path(_DIR.value), _LEASE.value).work()
    print(f"{len(rows)} rows")


if __name__ == "__main__":
    _DIR = flags.DEFINE_string("dir", None, "shared folder", required=True)
    _CELLS = flags.DEFINE_integer("cells", 1_000, "of the grid", lower_bound=1)
    _SECONDS = flags.DEFINE_float("seconds", 0.01, "that a cell takes")
    _LEASE = flags.DEFINE_float("lease", 120.0, "seconds until a claim is void")
    app.run(main)
