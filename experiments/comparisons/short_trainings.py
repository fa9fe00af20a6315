"""Does a supernet order networks as long trainings do, or as short ones?

The scores of the random architectures that a run drew for its fused score
(`reference/evaluations.jsonl` of a work folder; cells of NAS-Bench-201 at any size) are
held against what the benchmark knows after 12 and after 200 epochs: Kendall's tau over
all that compute something, and among those with two 3 x 3 convolutions, which cost
about the same; and what each op is worth, by a regression of ranks on how often it
stands in a cell.

python -m experiments.comparisons.short_trainings --data_dir=FOLDER
    --folders=runs/n201,runs/c10 [--out=rows.jsonl]
"""

import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags
from scipy import stats

from experiments.measuring.rows import table, write_rows
from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.nas_bench_201 import load_nas_bench_201
from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.runs import read_rows
from qnas_jax.spaces import CELL_OPS

_CONV = CELL_OPS.index("nor_conv_3x3")
_SCORES = ("loss", "accuracy", "synflow", "nwot")


def values_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Scores of evaluations, larger is better.

    Args:
      rows: of `evaluations.jsonl`.

    Returns:
      float [N] by name, NaN where there is none.
    """
    found = {}
    for name in _SCORES:
        if any(name in row["metrics"] for row in rows):
            values = [row["metrics"].get(name) for row in rows]
            sign = -1.0 if name == "loss" else 1.0
            found[name] = sign * np.asarray(values, float)
    return found


def measures(
    archs: np.ndarray, scores: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """Holds scores against each truth.

    Args:
      archs: int [N, 6], positions in `CELL_OPS`.
      scores: float [N] by name, larger is better; NaN counts as the worst.
      truth: accuracies [N] by name.

    Yields:
      A row a score and one a truth: tau with each truth over all and at equal cost,
      and the rank, from 0 to 1, that one more of an op brings instead of `none`.
    """
    equal = (archs == _CONV).sum(axis=1) == 2
    counts = np.stack([(archs == op).sum(axis=1) for op in range(len(CELL_OPS))], 1)
    design = np.column_stack([counts[:, 1:], np.ones(len(archs))])
    for name, values in {**scores, **truth}.items():
        filled = np.nan_to_num(values, nan=-np.inf)
        ranks = stats.rankdata(filled) / len(filled)
        worth, *_ = np.linalg.lstsq(design, ranks, rcond=None)
        row: dict[str, Any] = {"score": name}
        for known, accuracy in truth.items():
            row[f"tau, {known}"] = _tau(filled, accuracy)
            row[f"tau at equal cost, {known}"] = _tau(filled[equal], accuracy[equal])
        yield row | dict(zip(CELL_OPS[1:], worth[:-1].tolist(), strict=True))


def _tau(values: np.ndarray, accuracy: np.ndarray) -> float:
    return float(stats.kendalltau(values, accuracy).statistic)


def run(folders: Sequence[pathlib.Path], data_dir: str) -> Iterator[dict[str, Any]]:
    """The rows of each work folder, see `measures`.

    Raises:
      UserError: a folder has no such sample, or one of another space.
    """
    bench = load_nas_bench_201(data_dir)
    short, long = (np.nanmean(each, axis=1) for each in bench.validation)
    for folder in folders:
        file = folder / "reference" / "evaluations.jsonl"
        rows = read_rows(file)
        if {len(row["arch"]) for row in rows} != {bench.space.num_layers}:
            raise UserError(
                f"{file}: got {len(rows)} architectures, expected those of cells of "
                "NAS-Bench-201; run a job with search.score=fused on such a space"
            )
        archs = np.asarray([row["arch"] for row in rows])
        at = index_of(bench.space, archs)
        truth = {"12 epochs": short[at], "200 epochs": long[at]}
        for row in measures(archs, values_of(rows), truth):
            yield {"folder": folder.name, "architectures": len(archs), **row}


def main(_: Sequence[str]) -> None:
    """Prints the rows as a table, and keeps them."""
    rows = list(run([pathlib.Path(each) for each in _FOLDERS.value], _DATA_DIR.value))
    print(table(rows, list(rows[0])))
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the benchmarks"
    )
    _FOLDERS = flags.DEFINE_list("folders", None, "work folders", required=True)
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
