"""Kept scores of rankings, fused anew by other weights; nothing is trained or scored.

`comparisons.rankings` leaves for each training what its supernet said of the ranked
architectures (`rank/metrics.npz`) and of the reference sample
(`reference/evaluations.jsonl`). Any sum of normal scores of loss, effects and terms
follows from these, and is measured as the one that was chosen then.

python -m experiments.comparisons.fused_again --config=configs/nas_bench_201.py
    --rows=runs/rankings/rows.jsonl --folder=runs/rankings
    --fuse=loss:1,nwot:1 --fuse=loss:0.5,effects:0.5,synflow:1 [--out=rows.jsonl]
"""

import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from experiments.comparisons.rankings import known_archs
from experiments.measuring.configuration import load_config
from experiments.measuring.ranking_rows import summarise
from experiments.measuring.rows import read_rows, table, write_rows
from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation, rank_all
from qnas_jax.evaluation.fused import FusedScore
from qnas_jax.runs import read_arrays
from qnas_jax.runs import read_rows as read_evaluations

Weights = Mapping[str, float]
_EFFECTS = "effects"


def run(
    rows: Sequence[Mapping[str, Any]],
    folder: pathlib.Path,
    known: tuple[np.ndarray, np.ndarray],
    sums: Sequence[Weights],
) -> Iterator[dict[str, Any]]:
    """Measures other sums.

    Args:
      rows: of `comparisons.rankings`; those of floors, and trainings whose scores are
        not there any more, are left out.
      folder: theirs.
      known: architectures [N, L] that were ranked, and their true accuracies [N].
      sums: weights by the name of a feature.

    Yields:
      The same rows with the measures of the sums, by what they are made of.

    Raises:
      UserError: a feature was not kept, or other architectures were ranked.
    """
    archs, truth = known
    for row in rows:
        name = f"epochs_{row['epochs']}_seed_{row['seed']}"
        training = folder / row["setting"] / name
        if not (row["epochs"] and (training / "rank" / "metrics.npz").exists()):
            continue
        scores = {called(each): fused(training, archs, each) for each in sums}
        measures = rank_all(scores, truth)
        found = {name: each.row() for name, each in measures.items()}
        yield {**row, "measures": found}


def called(weights: Weights) -> str:
    """A sum in words, such as `0.5 loss + nwot`."""
    parts = [
        name if weight == 1 else f"{weight:g} {name}"
        for name, weight in weights.items()
    ]
    return " + ".join(parts)


def fused(training: pathlib.Path, archs: np.ndarray, weights: Weights) -> np.ndarray:
    """The weighted sum of normal scores, float [N]; larger is better.

    Args:
      training: its folder.
      archs: int32 [N, L], in the order in which they were scored.
      weights: by the name of a feature.

    Raises:
      UserError: a feature was not kept, or other architectures were ranked.
    """
    reference = [
        Evaluation.from_row(row)
        for row in read_evaluations(training / "reference" / "evaluations.jsonl")
    ]
    sample = np.asarray([each.arch for each in reference], np.int32)
    names = sorted({"loss", *weights} - {_EFFECTS})
    (kept,) = read_arrays(training / "rank" / "metrics.npz", "names")
    lacking = [name for name in names if name not in kept.tolist()]
    if lacking:
        raise UserError(
            f"{training}: got no {lacking[0]}, expected of {', '.join(kept)}"
        )
    values = read_arrays(training / "rank" / "metrics.npz", *names)
    if len(values[0]) != len(archs):
        raise UserError(
            f"{training}: got scores of {len(values[0])} architectures, expected "
            f"{len(archs)}; give the options that they were ranked with"
        )
    measured = {
        name: np.asarray([each.metrics[name] for each in reference], np.float32)
        for name in names
    }
    num_ops = np.maximum(sample.max(axis=0), archs.max(axis=0)) + 1
    score = FusedScore.with_effects(sample, num_ops.tolist(), measured, weights)
    features = score.features(archs, dict(zip(names, values, strict=True)))
    return np.asarray(score(features), np.float64)


def read_weights(text: str) -> dict[str, float]:
    """Reads `loss:1,nwot:0.5`.

    Raises:
      UserError: it has another form.
    """
    try:
        parts = [each.split(":") for each in text.split(",")]
        return {name.strip(): float(weight) for name, weight in parts}
    except ValueError:
        raise UserError(
            f"--fuse: got {text!r}, expected NAME:WEIGHT,NAME:WEIGHT,..."
        ) from None


def main(_: Sequence[str]) -> None:
    """Prints the numbers of each training, then those over the seeds."""
    logging.set_verbosity(logging.WARNING)
    config = load_config(_CONFIG.value, _SET.value)
    sums = [read_weights(text) for text in _FUSE.value]
    rows = read_rows(_ROWS.value)
    count = max(row["architectures"] for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        known = known_archs(config, count, pathlib.Path(folder))
    found = list(run(rows, pathlib.Path(_FOLDER.value), known, sums))
    lines = [
        {
            "epochs": row["epochs"],
            "seed": row["seed"],
            "score": name,
            "tau": each["kendall_tau"],
            "best tenth": each["best_tenth_tau"],
            "pick %": 100 * each["pick"],
            "top ten %": 100 * each["top_ten"],
        }
        for row in found
        for name, each in row["measures"].items()
    ]
    print(table(lines, list(lines[0])) + "\n")
    summary = summarise(found)
    print(table(summary, list(summary[0])))
    write_rows(_OUT.value, found)


if __name__ == "__main__":
    _CONFIG = flags.DEFINE_string(
        "config", "configs/nas_bench_201.py", "configuration of the rankings"
    )
    _SET = flags.DEFINE_multi_string("set", [], "changed it: group.field=value")
    _ROWS = flags.DEFINE_string("rows", "runs/rankings/rows.jsonl", "of the rankings")
    _FOLDER = flags.DEFINE_string("folder", "runs/rankings", "of their work folders")
    _FUSE = flags.DEFINE_multi_string("fuse", ["loss:1,nwot:1"], "NAME:WEIGHT,...")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
