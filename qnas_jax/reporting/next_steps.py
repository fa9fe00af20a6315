"""What to do next, by rules from the rows of a run.

Each rule looks at one thing and gives nothing or one piece of advice: what was seen,
and what follows. The order is that of importance; a page shows the first few.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from qnas_jax.reporting import facts, formats
from qnas_jax.reporting.classes import class_rows
from qnas_jax.reporting.commands import again_with, typed_workdir
from qnas_jax.reporting.register_heatmap import normalised_entropy
from qnas_jax.reporting.rows import Run, column, scored
from qnas_jax.reporting.statistics import Comparison
from qnas_jax.reporting.verdict import COSTS
from qnas_jax.reporting.wilson import CONFIDENCE

MOST_SHOWN = 6
_FAR_FROM_LIMIT = 0.8  # of a budget: less is not binding
_AT_THE_EDGE = 0.98  # of the dearest network of a space
_LATE = 0.9  # of a training or search: what still gains here has not ended
_OFTEN_FAILED = 0.05
_UNDECIDED = 0.9  # entropy


@dataclasses.dataclass(frozen=True)
class Step:
    """A piece of advice.

    Attributes:
      seen: what the rows show.
      then: what follows from it.
      command: a line of a shell that does it; "" where there is none.
    """

    seen: str
    then: str
    command: str = ""


def next_steps(run: Run, comparisons: Sequence[Comparison]) -> list[Step]:
    """All advice for a run, the most important first, at most `MOST_SHOWN`.

    Args:
      run: the rows of a work folder.
      comparisons: the winner against what was trained beside it.

    Returns:
      Nothing where no rule has anything to say.
    """
    found = (rule(run, comparisons) for rule in _RULES)
    return [step for step in found if step is not None][:MOST_SHOWN]


def _unfinished(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    if run.result or run.ranking or not (run.supernet or run.search):
        return None
    stages = (run.spent or {}).get("seconds") or {}
    if run.best and "retrain" in stages and not run.retrain:
        return None  # of a space whose architectures are no networks
    return Step(
        "The run has no result yet.",
        "The same command goes on where it was, as if it had not stopped.",
        again_with(run),
    )


def _no_pick(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    result = run.result or {}
    if result.get("test_accuracy") is None or result.get("worth"):
        return None
    return Step(
        "No random network of the winner's cost was trained.",
        "Train some: only beside them it shows whether the search was worth it.",
        again_with(run, "--config.retrain.random_picks=3", "--stage=retrain"),
    )


def _worse_than_random(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    if ((run.result or {}).get("worth") or {}).get("verdict") != "worse":
        return None
    return Step(
        "A random network of the same cost is better than the winner.",
        "The score misleads the search: train the supernet for longer, score by "
        "another metric (search.score=loss or fused), or train candidates from "
        "scratch (evaluator.name=train).",
    )


def _nothing_told_apart(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    worth = (run.result or {}).get("worth") or {}
    if worth.get("verdict") != "not told apart" and not comparisons:
        return None
    if any(each.significant for each in comparisons):
        return None
    seed, folder = int(run.config.get("seed") or 0) + 1, typed_workdir(run)
    picks = worth.get("picks") or 0
    more = "" if picks > 1 else ", and more random networks (retrain.random_picks=3)"
    return Step(
        "The winner is told apart from nothing that was trained beside it.",
        "One training and one search are too little to tell: repeat the run with other "
        f"seeds, retrain for longer (retrain.epochs){more}. If that changes nothing, "
        "networks of this space differ too little for a search to pay.",
        again_with(run, f"--config.seed={seed}", workdir=f"{folder}_seed{seed}"),
    )


def _below_baselines(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    beaten_by = facts.ahead_on_validation(run)
    if len(beaten_by) < 2:
        return None
    return Step(
        "On validation the winner is below all that was trained beside it.",
        "The search's score did not find the network that trains best: compare them "
        "by another score, or train for longer what they are compared by.",
    )


def _budget(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    result, limits = run.result or {}, facts.limits(run)
    shares = {
        name: result[COSTS[name][1]] / limit
        for name, limit in limits.items()
        if name in COSTS and result.get(COSTS[name][1]) is not None and limit
    }
    if not shares:
        return None
    name, share = max(shares.items(), key=lambda item: item[1])
    used = f"{formats.percent(share)} of the allowed {COSTS[name][0]}"
    if share < _FAR_FROM_LIMIT:
        smaller = formats.count(0.9 * share * limits[name])
        return Step(
            f"The budget does not bind: the winner uses {used}.",
            "A larger one will not help. A smaller one may do as well: try "
            f"constraints.max_{name} near {smaller}.",
        )
    return None


def _edge_of_space(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    """The winner is (nearly) the dearest or cheapest of all that was evaluated."""
    del comparisons
    result = run.result or run.best or {}
    costs = [(row.get("costs") or {}).get("params") for row in scored(run.history)]
    own = result.get("parameters")
    if facts.limits(run) or not own or not costs or None in costs:
        return None
    largest = (result.get("baselines") or {}).get("largest") or {}
    most = max([*filter(None, costs), largest.get("parameters") or 0])
    fewest = min(filter(None, costs), default=own)
    if own >= _AT_THE_EDGE * most > fewest:
        return Step(
            "The winner is at the edge of the space: as large as the largest.",
            "Larger ops, more layers or wider layers may be better still; or limit "
            "the cost (constraints.max_params), so that the search has to choose.",
        )
    if own * _AT_THE_EDGE <= fewest < most:
        return Step(
            "The winner is at the edge of the space: as small as the smallest.",
            "Smaller ops may do as well.",
        )
    return None


def _first_generation(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    best = column(run.search, "best")
    best = best[np.isfinite(best)]
    if len(best) < 2 or best[-1] > best[0]:
        return None
    return Step(
        "The search found nothing better than its first generation.",
        "More generations will not help if the score cannot tell architectures apart: "
        "look at its spread in “Score over evaluations”, and at how scores rank "
        "(--stage=rank where true accuracies are known).",
    )


def _still_rising(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    best = column(run.search, "best")
    best = best[np.isfinite(best)]
    if len(best) < 10:
        return None
    if not best[-1] > best[int(_LATE * len(best)) - 1]:
        return None
    generations = 2 * len(run.search)
    return Step(
        "The best score still rose in the last tenth of the search.",
        f"Search for longer: search.generations={generations}.",
        again_with(run, f"--config.search.generations={generations}", "--stage=search"),
    )


def _undecided(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    if run.registers is None or len(run.registers.generations) < 2:
        return None
    entropy = normalised_entropy(run.registers)
    if entropy[0].mean() <= _UNDECIDED or entropy[-1].mean() < _UNDECIDED:
        return None
    return Step(
        "The proposals were as undecided at the end as at the beginning.",
        "The search has explored rather than chosen: more generations, or a strategy "
        "that settles sooner.",
    )


def _late_epoch(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    """Validation was the best in the last epochs: training was too short."""
    del comparisons
    rows = run.retrain.get("winner") or []
    kept_by = (run.config.get("retrain") or {}).get("kept_by") or "accuracy"
    values = column(rows, f"valid_{kept_by}")
    if len(values) < 5 or not np.isfinite(values).all():
        return None
    values = -values if kept_by == "loss" else values
    if np.argmax(values) + 1 <= _LATE * len(values):
        return None
    epochs = 2 * len(values)
    return Step(
        f"The winner was the best on validation in epoch {np.argmax(values) + 1} of "
        f"{len(values)}: it was still learning.",
        f"Retrain for longer: retrain.epochs={epochs}.",
        again_with(run, f"--config.retrain.epochs={epochs}", "--stage=retrain"),
    )


def _weakest_class(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    """A class that is recognised less than all are, with Bonferroni's correction."""
    from scipy.stats import binomtest

    del comparisons
    result = run.result or {}
    names, confusion = result.get("class_names"), result.get("test_confusion")
    if not names or confusion is None or len(names) != len(confusion):
        return None
    rows = [row for row in class_rows(np.asarray(confusion), names) if row.recall]
    worst = min(rows, key=lambda row: (row.recall or (1.0,))[0], default=None)
    if worst is None or worst.recall is None:
        return None
    hits = round(worst.recall[0] * worst.examples)
    expected = result["test_accuracy"]
    chance = binomtest(hits, worst.examples, expected, alternative="less").pvalue
    if chance * len(rows) >= 1 - CONFIDENCE:
        return None
    share, low, high = (formats.percent(each) for each in worst.recall)
    return Step(
        f"Class {worst.name} is recognised least: {share} ({low} to {high}).",
        "Look at its examples and labels, and whether there are enough of them.",
    )


def _failures(run: Run, comparisons: Sequence[Comparison]) -> Step | None:
    del comparisons
    failed = [row for row in run.history if row["status"] != "ok"]
    if not run.history or len(failed) < _OFTEN_FAILED * len(run.history):
        return None
    kinds = ", ".join(sorted({str(row["status"]) for row in failed}))
    return Step(
        f"{formats.count(len(failed))} of {formats.count(len(run.history))} "
        f"evaluations failed ({kinds}).",
        "search/history.jsonl has the reason of each: what fails is never found.",
    )


_RULES: tuple[Callable[[Run, Sequence[Comparison]], Step | None], ...] = (
    _unfinished,
    _failures,
    _worse_than_random,
    _no_pick,
    _nothing_told_apart,
    _below_baselines,
    _first_generation,
    _still_rising,
    _late_epoch,
    _budget,
    _edge_of_space,
    _undecided,
    _weakest_class,
)
