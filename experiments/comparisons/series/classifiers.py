"""Classifiers without networks on sets of the UCR archive, official splits.

python -m experiments.comparisons.series.classifiers --data_dir=FOLDER [--sets=Beef,...]
    [--names=euclidean_1nn,dtw_1nn,rocket] [--out=rows.jsonl]

Errors on the test split after all of the training split was seen, as the archive's
table has them; the errors of the nearest neighbour by Euclid are known of each set and
stand beside ours, of others what is published of all sets (`published.py`). Values are
taken as the archive has them. Seconds are of the processor.
"""

import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from experiments.comparisons.series.published import EUCLIDEAN, published_accuracy
from experiments.measuring.rows import table, write_rows
from qnas_jax.baselines import CLASSIFIERS
from qnas_jax.data import data_folder
from qnas_jax.reading import read_npz


def official_splits(
    folder: pathlib.Path, name: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Series float32 [N, T, 1] and class numbers int [N] of training and test."""
    arrays = read_npz(folder / f"{name}.npz")
    return [
        (arrays[f"x_{part}"][..., None], arrays[f"y_{part}"].astype(int))
        for part in ("train", "test")
    ]


def run(
    folder: pathlib.Path, sets: Sequence[str], names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Fits and tests.

    Args:
      folder: `ucr`, with a file a set.
      sets: their names.
      names: of classifiers.

    Yields:
      A row a set and classifier.
    """
    for data in sets:
        (series, labels), (others, truth) = official_splits(folder, data)
        for name in names:
            started = time.process_time()
            classifier = CLASSIFIERS[name]
            predict = classifier.fit(series, labels, np.random.default_rng(0))
            answers = [
                predict(others[start : start + classifier.at_once])
                for start in range(0, len(others), classifier.at_once)
            ]
            yield {
                "set": data,
                "classifier": name,
                "error": float(np.mean(np.concatenate(answers) != truth)),
                "known": EUCLIDEAN.get(data) if name == "euclidean_1nn" else None,
                "processor s": time.process_time() - started,
            }


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a classifier; `as known` counts the sets whose error is the known one."""
    lines = []
    for name in dict.fromkeys(row["classifier"] for row in rows):
        own = [row for row in rows if row["classifier"] == name]
        known = [row for row in own if row["known"] is not None]
        same = sum(round(row["error"], 4) == row["known"] for row in known)
        lines.append(
            {
                "classifier": name,
                "sets": len(own),
                "mean error %": 100 * float(np.mean([row["error"] for row in own])),
                "as known": f"{same} of {len(known)}" if known else "-",
                "published error %": _published_error(name, own),
                "processor s": sum(row["processor s"] for row in own),
            }
        )
    return lines


def _published_error(name: str, rows: Sequence[Mapping[str, Any]]) -> float | str:
    accuracy = published_accuracy(name, [row["set"] for row in rows])
    return "-" if accuracy is None else 100 - accuracy


def main(_: Sequence[str]) -> None:
    """Prints a row after the other, and the means."""
    root = data_folder(_DATA_DIR.value)
    if root is None:
        raise app.UsageError("--data_dir or QNAS_DATA_DIR: expected the folder of data")
    rows = []
    for row in run(root / "ucr", _SETS.value, _NAMES.value):
        print(" ".join(str(value) for value in row.values()), flush=True)
        rows.append(row)
    write_rows(_OUT.value, rows)
    lines = summarise(rows)
    print(table(lines, list(lines[0])))


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string("data_dir", "", "folder of data sets")
    _SETS = flags.DEFINE_list("sets", list(EUCLIDEAN), "of the archive")
    _NAMES = flags.DEFINE_list("names", list(CLASSIFIERS), "of classifiers")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
