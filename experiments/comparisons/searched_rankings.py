"""What a search by a supernet's scores truly reaches, over many searches.

Stage `rank` leaves the scores of a whole space (`ranking.json`). The engine's default
strategy searches them as a job would, each architecture by its score alone, and what it
picks is looked up in the truth: mean and deviation over the searches, beside what
random search picks by the same score, what one random pick is worth, the network of
most multiply-accumulates, and what scoring everything would pick.

python -m experiments.comparisons.searched_rankings --data_dir=FOLDER
    --rankings=runs/macro_0/ranking.json,runs/macro_1/ranking.json
    [--scores=loss,accuracy] [--evaluations=300] [--seeds=100] [--out=rows.jsonl]
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from experiments.comparisons.contestant_searches import evaluate_all
from experiments.comparisons.contestants import CONTESTANTS, REFERENCE
from experiments.measuring.rows import table, write_rows
from qnas_jax.errors import UserError
from qnas_jax.evaluation import TRUTHS
from qnas_jax.evaluation.tables import Table, full_evaluations, incumbents
from qnas_jax.evaluation.tables.nas_bench_201 import SPACE as CELLS
from qnas_jax.evaluation.tables.nas_bench_macro import SPACE as MACRO
from qnas_jax.evaluation.tables.positions import index_of
from qnas_jax.jobs.launch import use_compilation_cache
from qnas_jax.runs import read_json
from qnas_jax.spaces import SearchSpace

SPACES = {space.name: space for space in (CELLS, MACRO)}
SMALLER_IS_BETTER = ("loss",)


def run(
    space: SearchSpace,
    scores: Mapping[str, np.ndarray],
    truth: np.ndarray,
    *,
    evaluations: int,
    seeds: int,
) -> Iterator[dict[str, Any]]:
    """Searches by each score.

    Args:
      space: what is searched.
      scores: by name float [N], by position in the space, larger is better; what is not
        finite is the worst.
      truth: float [N], likewise.
      evaluations: of each search.
      seeds: searches by each score and strategy.

    Yields:
      A row a score and strategy: mean and deviation of the true accuracy of the picks,
      and the mean share of all architectures that are truly worse.
    """
    for name, values in scores.items():
        finite = np.isfinite(values)
        seen = np.where(
            finite, values, values[finite].min() - np.ptp(values[finite]) - 1
        )
        bench = Table(name, space, ("supernet",), (seen[:, None],), (None,), {})
        for strategy in (REFERENCE, "random"):
            contestant = dataclasses.replace(
                CONTESTANTS[strategy], evaluations=evaluations
            )
            found = evaluate_all(contestant, bench, seeds, evaluations)
            costs = full_evaluations(found, bench)
            best = incumbents(found, costs, [evaluations]).archs[:, 0]
            yield _row(name, strategy, truth[index_of(space, best)], truth)
        pick = truth[seen.argmax() : seen.argmax() + 1]
        yield _row(name, "all scored", pick, truth)


def _row(
    score: str, strategy: str, picks: np.ndarray, truth: np.ndarray
) -> dict[str, Any]:
    return {
        "score": score,
        "search": strategy,
        "searches": len(picks),
        "true accuracy %": 100 * float(picks.mean()),
        "sd": 100 * float(picks.std(ddof=1)) if len(picks) > 1 else None,
        "worse %": 100 * float(np.mean([(truth < pick).mean() for pick in picks])),
    }


def load_scores(
    ranking: Mapping[str, Any], data_dir: str, names: Sequence[str] = ()
) -> tuple[SearchSpace, dict[str, np.ndarray], np.ndarray]:
    """Scores of a whole space, by position.

    Args:
      ranking: contents of a `ranking.json`.
      data_dir: folder of the truth.
      names: of metrics; all if empty.

    Returns:
      The space; scores by name float64 [N], larger is better; the truth [N].

    Raises:
      UserError: only a part of the space was ranked, or a name is not there.
    """
    space = SPACES[ranking["space"]]
    archs, truth = TRUTHS[space.name](data_dir)
    if ranking["num_archs"] != len(archs):
        raise UserError(
            f"ranking: got {ranking['num_archs']} architectures, expected all "
            f"{len(archs)} of {space.name} (rank.archs=0)"
        )
    metrics = ranking["metrics"]
    missing = [name for name in names if name not in metrics]
    if missing:
        raise UserError(f"scores: got {missing[0]}, expected of {', '.join(metrics)}")
    places = np.argsort(index_of(space, archs))
    scores = {}
    for name in names or metrics:
        values = np.array(metrics[name], np.float64)[places]
        scores[name] = -values if name in SMALLER_IS_BETTER else values
    return space, scores, truth[places]


def main(_: Sequence[str]) -> None:
    """Prints a table for each ranking."""
    logging.set_verbosity(logging.WARNING)
    use_compilation_cache()
    rows = []
    for file in _RANKINGS.value:
        ranking = read_json(pathlib.Path(file))
        space, scores, truth = load_scores(ranking, _DATA_DIR.value, _SCORES.value)
        options = {"evaluations": _EVALUATIONS.value, "seeds": _SEEDS.value}
        found = list(run(space, scores, truth, **options))
        found.append(_row("-", "one random pick", truth, truth))
        if "macs" in ranking["metrics"]:
            costs = load_scores(ranking, _DATA_DIR.value, ["macs"])[1]
            at = int(costs["macs"].argmax())
            found.append(_row("-", "most MACs", truth[at : at + 1], truth))
        print(f"{file}: {space.name}, {_EVALUATIONS.value} evaluations\n")
        print(table(found, list(found[0])) + "\n")
        rows += [{"ranking": file, **options, **row} for row in found]
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string(
        "data_dir", os.environ.get("QNAS_DATA_DIR", "."), "folder of the truth"
    )
    _RANKINGS = flags.DEFINE_list(
        "rankings", None, "files of stage rank", required=True
    )
    _SCORES = flags.DEFINE_list("scores", [], "metrics to search by; all by default")
    _EVALUATIONS = flags.DEFINE_integer(
        "evaluations", 300, "of each search", lower_bound=1
    )
    _SEEDS = flags.DEFINE_integer("seeds", 100, "searches", lower_bound=2)
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
