"""Every strategy on the recorded scores of real supernets.

What a job searches is the scores of a supernet, and not accuracies of stand-alone
training. Some were published for all 15,625 archs of NAS-Bench-201: for each supernet
five JSON files `<name>_0` ... `<name>_4` of accuracies in percent by the genotype, as
in cvlab-yonsei/Few-Shot-NAS (folder cell_based/SuperNet/logs). A search sees these
scores; reported is the score of the best arch that it found, so the optimum is what
exhaustive scoring finds. How well a supernet ranks is another question.

python -m experiments.comparisons.recorded_supernets --scores=FOLDER \
    --names=seed-0-opt5-wotrash-baseline-16-64-1000,... [--seeds=1000] \
    [--folder=runs/recorded_supernets]
"""

import ast
import json
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from experiments.comparisons.contestants import ACTS_BY, CONTESTANTS
from experiments.comparisons.strategies import compare_on, focus
from experiments.comparisons.table import comparison_table
from experiments.measuring.rows import write_rows
from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables import SealedTest, Table
from qnas_jax.evaluation.tables.nas_bench_201 import SPACE
from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.reporting.comparison import write_comparison
from qnas_jax.reporting.comparison.records import curves_by_task, read_comparison

NUM_FILES = 5


def read_supernet(folder: pathlib.Path, name: str) -> np.ndarray:
    """Reads the scores of one supernet.

    Args:
      folder: holds the files.
      name: of the supernet.

    Returns:
      float32 [15625] in [0, 1], by the position of the arch in the space.

    Raises:
      UserError: scores of some archs are missing.
    """
    scores = np.full(SPACE.size, np.nan, np.float32)
    for number in range(NUM_FILES):
        text = (folder / f"{name}_{number}").read_text("utf-8")
        for genotype, accuracy in json.loads(text).items():
            scores[index_of(SPACE, genotype_arch(genotype))] = accuracy / 100
    missing = int(np.isnan(scores).sum())
    if missing:
        raise UserError(
            f"{folder / name}: got no score of {missing} archs, expected all "
            f"{SPACE.size}"
        )
    return scores


def genotype_arch(genotype: str) -> np.ndarray:
    """The arch int32 [6] of a genotype such as "[(('none', 0),), (...), (...)]"."""
    edges = [edge for node in ast.literal_eval(genotype) for edge in node]
    ops = [
        names.index(name) for names, (name, _) in zip(SPACE.choices, edges, strict=True)
    ]
    return np.array(ops, np.int32)


def as_table(name: str, scores: np.ndarray) -> tuple[Table, SealedTest]:
    """Scores [N] as what a search sees, and as what is reported."""
    seen = Table(name, SPACE, ("supernet",), (scores[:, None],), (None,), {})
    return seen, SealedTest(name, SPACE, scores)


def run(
    folder: pathlib.Path, supernets: Sequence[str], names: Sequence[str], seeds: int
) -> Iterator[dict[str, Any]]:
    """Searches the scores of each supernet.

    Args:
      folder: of the files.
      supernets: their names.
      names: keys of `CONTESTANTS`.
      seeds: searches of each.

    Yields:
      Rows of `reporting.comparison.records`, a task a supernet.
    """
    contestants = {name: CONTESTANTS[name] for name in names}
    for supernet in supernets:
        seen, reported = as_table(supernet, read_supernet(folder, supernet))
        yield from compare_on(supernet, seen, reported, contestants, seeds)


def main(_: Sequence[str]) -> None:
    """Searches, writes rows and a page, prints the table."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    names = _ONLY.value or [name for name, one in CONTESTANTS.items() if not one.slow]
    folder = pathlib.Path(_FOLDER.value)
    scores = pathlib.Path(_SCORES.value)
    rows = run(scores, _NAMES.value, names, _SEEDS.value)
    write_rows(str(folder / "rows.jsonl"), rows)
    page = write_comparison(folder / "rows.jsonl", folder, focus(names))
    curves = curves_by_task(read_comparison(folder / "rows.jsonl"))
    print(comparison_table(curves, acts_by=ACTS_BY))
    print(f"\n{page}")


if __name__ == "__main__":
    _SCORES = flags.DEFINE_string("scores", None, "folder of the scores", required=True)
    _NAMES = flags.DEFINE_list("names", None, "names of the supernets", required=True)
    _SEEDS = flags.DEFINE_integer("seeds", 1000, "searches of each", lower_bound=2)
    _ONLY = flags.DEFINE_list("only", [], "strategies; all but the slow by default")
    _FOLDER = flags.DEFINE_string(
        "folder", "runs/recorded_supernets", "where results are written"
    )
    app.run(main)
