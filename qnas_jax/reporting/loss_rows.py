"""A run whose networks are judged by the loss of a token: table and sentences."""

from collections.abc import Mapping
from typing import Any

from qnas_jax.reporting import formats, verdict
from qnas_jax.reporting.rows import Row

_METRICS = ("test_loss", "test_perplexity", "test_bits_per_character")


def judged_by_loss(result: Row | None) -> dict[str, Row]:
    """Models by name for people, the winner first; none that lack a perplexity."""
    if not result or "test_perplexity" not in result:
        return {}
    return {
        verdict.network_name(name, row.get("width")): row
        for name, row in {"winner": result, **_others(result)}.items()
    }


def loss_table(result: Row | None) -> dict[str, Any] | None:
    """What `losses.html` shows.

    Args:
      result: that of a run, if it has one.

    Returns:
      The rows, the winner first; None if networks are judged by something else.
    """
    models = judged_by_loss(result)
    if not result or not models:
        return None
    metrics = [name for name in _METRICS if name in result]
    rows = [
        {
            "name": name,
            "validation": row.get("validation_loss"),
            "cells": [
                {
                    "value": row.get(metric),
                    "interval": (row.get("intervals") or {}).get(metric),
                }
                for metric in metrics
            ],
            "ahead": row.get("ahead"),
            "parameters": row.get("parameters"),
            "macs": row.get("macs"),
        }
        for name, row in models.items()
    ]
    return {"rows": rows, "bits": _METRICS[-1] in metrics}


def loss_sentences(result: Row) -> list[str]:
    """What the winner loses, and against whom; none if it has no perplexity."""
    if "test_perplexity" not in result:
        return []
    low, high = result["intervals"]["test_perplexity"]
    loss = formats.nats(result["test_loss"])
    sentences = [
        f"The retrained winner loses {loss} a token on test: a perplexity of "
        f"{result['test_perplexity']:.3f} (95 % interval {low:.3f} to {high:.3f})."
    ]
    others = {name: row for name, row in _others(result).items() if "ahead" in row}
    corrected = f", Holm-corrected for {len(others)}" if len(others) > 1 else ""
    return sentences + [
        _comparison(name, row["ahead"], corrected) for name, row in others.items()
    ]


def _comparison(name: str, ahead: Mapping[str, float], corrected: str) -> str:
    other = verdict.network_name(name)
    ahead_by, low, high = (
        formats.signed(ahead[field]) for field in ("difference", "low", "high")
    )
    claim = f"No significant difference between the winner and the {other}"
    if ahead["p_value"] < 0.05:
        better = "better" if ahead["difference"] > 0 else "worse"
        claim = f"The winner is significantly {better} than the {other}"
    sure = f"{formats.p_value(ahead['p_value'])}, paired t over windows{corrected}"
    return (
        f"{claim}: it loses {ahead_by} nats a token less (95 % interval {low} to "
        f"{high}; {sure})."
    )


def _others(result: Row) -> dict[str, Row]:
    return {**(result.get("baselines") or {}), **(result.get("classifiers") or {})}
