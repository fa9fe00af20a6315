"""What the page says of a result: networks side by side, and class by class."""

from collections.abc import Sequence

import numpy as np

from qnas_jax.reporting import facts, verdict
from qnas_jax.reporting.classes import MOST_IN_TABLE, class_rows, mistakes, shades
from qnas_jax.reporting.rows import Row
from qnas_jax.reporting.statistics import Comparison, compare
from qnas_jax.reporting.wilson import wilson_interval


def accuracy_interval(
    network: Row, num_tested: int | None = None
) -> tuple[float, float] | None:
    """The 95 % interval of a test accuracy; None where nothing was tested.

    Args:
      network: its row.
      num_tested: test examples; None: the row says it.
    """
    tested = num_tested or facts.num_tested(network)
    if tested is None or network.get("test_accuracy") is None:
        return None
    return wilson_interval(network["test_accuracy"], tested)


def _validated(network: Row, result: Row) -> tuple[float, float] | None:
    """Interval of the validation accuracy."""
    share, count = network.get("validation_accuracy"), result.get("validation_examples")
    return None if share is None or not count else wilson_interval(share, count)


def comparisons_of(result: Row) -> list[Comparison]:
    """The winner against each that was trained beside it, p-values corrected."""
    others = {
        name: network
        for name, network in facts.others(result).items()
        if network.get("test_accuracy") is not None
    }
    tested = facts.num_tested(result)
    if accuracy_interval(result) is None or tested is None:
        return []
    accuracies = {name: network["test_accuracy"] for name, network in others.items()}
    alone = {
        name: (network["alone_right"]["winner"], network["alone_right"]["other"])
        for name, network in others.items()
        if "alone_right" in network
    }
    return compare(result["test_accuracy"], accuracies, tested, alone)


def network_rows(result: Row, comparisons: Sequence[Comparison]) -> list[Row]:
    """The rows of the comparison table, the winner first."""
    if not result:
        return []
    ahead = {one.name: one for one in comparisons}
    rows = {"winner": result, **facts.others(result)}
    return [
        {
            "name": verdict.network_name(name, row.get("width")),
            "search_score": row.get("search_score"),
            "validation_accuracy": row.get("validation_accuracy"),
            "validation_interval": _validated(row, result),
            "test_accuracy": row.get("test_accuracy"),
            "interval": accuracy_interval(row, facts.num_tested(result)),
            **_by_class(row),
            "parameters": row.get("parameters"),
            "macs": row.get("macs"),
            "latency_ms": row.get("latency_ms"),
            "latency_unknown": row.get("latency_unknown", ""),
            "comparison": ahead.get(name),
            "alone": row.get("alone_right"),
        }
        for name, row in rows.items()
    ]


def class_tables(result: Row) -> Row | None:
    """What the winner does with each class; None where it is not known."""
    table, names = result.get("test_confusion"), result.get("class_names")
    if table is None or not names or len(names) != len(table):
        return None
    whole = len(names) <= MOST_IN_TABLE
    counts = np.rint(np.asarray(table)).astype(int)
    return {
        "names": names,
        "rows": class_rows(counts, names),
        "table": counts.tolist() if whole else None,
        "shades": shades(counts),
        "mistakes": mistakes(counts, names),
    }


def _by_class(row: Row) -> Row:
    """Macro F1 and balanced accuracy of a test, and their intervals, where known."""
    ends = row.get("intervals") or {}
    found = {}
    for name in ("macro_f1", "balanced_accuracy"):
        found[name] = row.get(f"test_{name}")
        found[f"{name}_interval"] = ends.get(f"test_{name}")
    return found
