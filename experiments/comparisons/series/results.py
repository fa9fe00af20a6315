"""What the rows of `study.py` say: ranks over the sets, tests, costs.

A method's result on a set is its mean over seeds, of `random` over all picks. Only sets
on which every method has a result are spoken of. Mean ranks go with Friedman's test and
Nemenyi's critical difference; the found networks are held against each other method by
Wilcoxon's signed ranks over the sets, with Holm's correction (Demsar, JMLR 7 (2006);
Benavoli et al., JMLR 17 (2016), who argue for the latter).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.comparisons.series.published import published_accuracy
from qnas_jax.jobs.nas.candidates import PICK
from qnas_jax.reporting import formats, worth_over_runs
from qnas_jax.reporting.comparison.ranks import Ranking, rank_strategies
from qnas_jax.reporting.rank_tests import signed_rank_test
from qnas_jax.reporting.statistics import holm

_DIGITS = 9  # means of equal values differ behind them, which is no difference
FOUND, RANDOM = "found", "random"

Rows = Sequence[Mapping[str, Any]]
Results = dict[str, np.ndarray]
"""By method a number for each set."""


def method_of(network: str) -> str:
    """What a network of a job is an example of."""
    if network == "winner":
        return FOUND
    return RANDOM if network.startswith(PICK) else network


def complete_sets(rows: Rows) -> list[str]:
    """Sets on which every method has a result."""
    methods = {method_of(row["network"]) for row in rows}
    seen = {(row["set"], method_of(row["network"])) for row in rows}
    names = dict.fromkeys(row["set"] for row in rows)
    return [name for name in names if all((name, each) in seen for each in methods)]


def results(rows: Rows, field: str = "test accuracy") -> Results:
    """Means over seeds and picks.

    Args:
      rows: of the study.
      field: what of them; None in some rows is nan.

    Returns:
      float [sets] for each method.
    """
    sets = complete_sets(rows)
    methods = dict.fromkeys(method_of(row["network"]) for row in rows)
    found: Results = {}
    for method in methods:
        own = [row for row in rows if method_of(row["network"]) == method]
        means = [
            np.mean([_number(row[field]) for row in own if row["set"] == name])
            for name in sets
        ]
        found[method] = np.round(means, _DIGITS)
    return found


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def ranking(rows: Rows) -> Ranking:
    """Mean ranks of the methods over the sets."""
    return rank_strategies({name: v.tolist() for name, v in results(rows).items()})


def summarise(rows: Rows) -> list[dict[str, Any]]:
    """A line a method, the best mean rank first."""
    accuracies, ranks = results(rows), ranking(rows)
    others = [name for name in accuracies if name != FOUND]
    differences = {name: accuracies[FOUND] - accuracies[name] for name in others}
    tested = holm([signed_rank_test(differences[name]) for name in others])
    p_values = dict(zip(others, tested, strict=True))
    columns = {name: results(rows, name) for name in ("macro F1", "parameters", "ms")}
    return [
        {
            "method": name,
            "sets": ranks.blocks,
            "mean rank": rank,
            "mean accuracy %": 100 * float(accuracies[name].mean()),
            "published %": published_accuracy(name, complete_sets(rows)),
            "mean macro F1 %": 100 * float(columns["macro F1"][name].mean()),
            "found is ahead by": (
                100 * float(differences[name].mean()) if name in others else None
            ),
            "p (Wilcoxon, Holm)": p_values.get(name),
            "parameters": _known(columns["parameters"][name]),
            "ms a series": _known(columns["ms"][name]),
        }
        for name, rank in zip(ranks.names, ranks.ranks, strict=True)
    ]


def _known(values: np.ndarray) -> float | None:
    """The median over the sets, None where there is nothing."""
    middle = float(np.median(values))
    return None if np.isnan(middle) else middle


def by_set(rows: Rows) -> list[dict[str, Any]]:
    """A line a set: accuracies in percent."""
    accuracies = results(rows)
    return [
        {"set": name}
        | {method: 100 * float(values[place]) for method, values in accuracies.items()}
        for place, name in enumerate(complete_sets(rows))
    ]


def sentence(rows: Rows) -> str:
    """The result in words: whether methods differ, and what the searches were worth."""
    ranks, accuracies = ranking(rows), results(rows)
    differences = accuracies[FOUND] - accuracies[RANDOM]
    worth = worth_over_runs(differences.tolist())
    interval = (
        f"95 % interval {formats.points(worth.low)} to {formats.points(worth.high)}, "
        if ranks.blocks > 1
        else ""
    )
    return (
        f"{len(ranks.names)} methods on {_sets(ranks.blocks)}: Friedman's test "
        f"{formats.p_value(ranks.p_value)}, critical difference of mean ranks "
        f"{ranks.difference:.2f}. Found minus random networks of the same cost, over "
        f"the sets: {formats.points(worth.difference)} points ({interval}Wilcoxon "
        f"{formats.p_value(signed_rank_test(differences))})."
    )


def _sets(count: int) -> str:
    return f"{count} set{'s' if count > 1 else ''}"
