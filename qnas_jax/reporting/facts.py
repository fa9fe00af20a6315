"""What the rows of a run say, where figures and the page both ask for it."""

from collections.abc import Mapping
from typing import Any

from qnas_jax.reporting.rows import Row, Run


def scored_by(run: Run) -> str:
    """The metric that the search improved, "" in a folder of before it was said."""
    return str((run.result or run.best or {}).get("scored_by", ""))


def winner(run: Run) -> list[int] | None:
    """The architecture that was found."""
    found = run.result or run.best or {}
    return found.get("arch")


def limits(run: Run) -> dict[str, float]:
    """What the network was allowed to cost, by name of the cost."""
    return (run.result or run.best or {}).get("constraints") or {}


def others(result: Row) -> dict[str, Row]:
    """What the winner is held against, by name: networks, then other classifiers."""
    return {**(result.get("baselines") or {}), **(result.get("classifiers") or {})}


def ahead_on_validation(run: Run) -> list[str]:
    """Networks that validation puts above the winner, if it puts all there; or none.

    Classifiers without a network have no validation accuracy.
    """
    result = run.result or {}
    own = result.get("validation_accuracy")
    known = {
        name: row["validation_accuracy"]
        for name, row in (result.get("baselines") or {}).items()
        if row.get("validation_accuracy") is not None
    }
    if own is None or not known or any(value <= own for value in known.values()):
        return []
    return list(known)


def num_tested(result: Mapping[str, Any]) -> int | None:
    """How many test examples all were measured on."""
    return result.get("test_examples", result.get("test_images"))
