"""Three pictures, each computed by simulation: tunnelling, interference, superposition.

python -m experiments.figures.quantum [--folder=docs] [--out=rows.jsonl]
"""

import pathlib
from collections.abc import Sequence

from absl import app, flags

from experiments.figures.interference import interference, interference_figure
from experiments.figures.superposition import superposition, superposition_figure
from experiments.figures.tunnelling import tunnelling, tunnelling_figure
from experiments.measuring.rows import table, write_rows


def main(argv: Sequence[str]) -> None:
    """Draws all three and prints the numbers of the first."""
    del argv
    folder = pathlib.Path(_FOLDER.value)
    folder.mkdir(parents=True, exist_ok=True)
    rows = tunnelling()
    print(table(rows, list(rows[0])))
    write_rows(_OUT.value, rows)
    for name, figure in (
        ("tunnelling", tunnelling_figure(rows)),
        ("interference", interference_figure(interference())),
        ("superposition", superposition_figure(superposition())),
    ):
        (folder / f"{name}.png").write_bytes(figure)


if __name__ == "__main__":
    _FOLDER = flags.DEFINE_string("folder", "docs", "folder for the PNG files")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
