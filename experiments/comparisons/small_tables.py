"""The table of a small space whose networks are all trained: rows, file, summary."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qnas_jax.spaces import NetworkSpace
from qnas_jax.user_code.calls import Outcome

SPLITS = ("valid", "test")
TABLE = "table.csv"


def ops_by_layer(space: NetworkSpace, arch: Sequence[int]) -> dict[str, str]:
    """Names of the ops of a network, a column a layer."""
    return {
        f"op_{layer}": names[op]
        for layer, (names, op) in enumerate(
            zip(space.choices, arch, strict=True), start=1
        )
    }


def values_of(
    found: Mapping[str, Sequence[Outcome | None]],
) -> dict[str, float | None]:
    """What the trainings of a network came to.

    Args:
      found: an outcome a seed, by what the names of the columns begin with.

    Returns:
      By column: accuracies by split and seed (of shorter trainings, whose columns begin
      with something, of the validation split), None where a training failed, and mean
      seconds of a training.
    """
    columns: dict[str, float | None] = {}
    for begin, outcomes in found.items():
        for split in SPLITS[:1] if begin else SPLITS:
            for seed, outcome in enumerate(outcomes):
                value = outcome.metrics.get(split) if outcome else None
                columns[f"{begin}{split}_{seed}"] = value
        times = [outcome.seconds for outcome in outcomes if outcome]
        columns[f"{begin}seconds"] = float(np.mean(times))
    return columns


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows as a file, numbers to six digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                name: f"{value:.6g}" if isinstance(value, float) else value
                for name, value in row.items()
            }
        )
    return text.getvalue().encode()


def summarise(rows: Sequence[Mapping[str, Any]], seeds: int) -> list[dict[str, Any]]:
    """How much of what differs is networks, and how much is seeds.

    Returns:
      A row a split: mean, the standard deviations over networks (of means over seeds)
      and over seeds (of one network, pooled), and the correlation of two seeds.
    """
    lines = []
    for split in SPLITS:
        values = np.array(
            [[row[f"{split}_{seed}"] for seed in range(seeds)] for row in rows], float
        )
        values = 100 * values[np.isfinite(values).all(axis=1)]
        several = seeds > 1
        pooled = np.sqrt(values.var(axis=1, ddof=1).mean()) if several else None
        lines.append(
            {
                "split": split,
                "networks": len(values),
                "trainings of each": seeds,
                "accuracy %": float(values.mean()),
                "sd over networks": float(values.mean(axis=1).std(ddof=1)),
                "sd over seeds": None if pooled is None else float(pooled),
                "correlation of two seeds": _correlation(values),
            }
        )
    return lines


def _correlation(values: np.ndarray) -> float | None:
    """Of the first two columns; None if there are none, or one of them is constant."""
    if values.shape[1] < 2 or not values[:, :2].std(axis=0).all():
        return None
    return float(np.corrcoef(values[:, 0], values[:, 1])[0, 1])
