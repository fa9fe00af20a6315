"""What rows of rankings (`comparisons.rankings`) say over their seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.measuring.seeds import spread_of


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the seeds of each setting, budget and score give.

    Args:
      rows: of `run`.

    Returns:
      A line each: means over the seeds, of tau (over all, and in the best tenth) with
      the ends of `spread_of` (`ends` says which) and the least.
    """
    lines = []
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row["setting"], row["schedule"] if row["epochs"] else "", row["epochs"])
        groups.setdefault(key, []).append(row)
    for (setting, schedule, epochs), group in groups.items():
        about = {"setting": setting, "schedule": schedule, "epochs": epochs}
        for score in group[0]["measures"]:
            having = [row for row in group if score in row["measures"]]
            lines.append({**about, "score": score, **_over_seeds(having, score)})
    return lines


def _over_seeds(rows: Sequence[Mapping[str, Any]], score: str) -> dict[str, Any]:
    """The fields of one line."""
    found = [row["measures"][score] for row in rows]
    over_all = np.asarray([each["kendall_tau"] for each in found])
    tenths = [each["best_tenth_tau"] for each in found]
    tenth = np.asarray([tau for tau in tenths if tau is not None])
    tau, best = spread_of(over_all), spread_of(tenth) if len(tenth) else None
    return {
        "seeds": len(rows),
        "path images": int(np.median([row["path images"] for row in rows])),
        "processor s": float(np.median([row["processor s"] for row in rows])),
        "tau": tau.mean,
        "low": tau.low,
        "high": tau.high,
        "least tau": float(over_all.min()),
        "rho": float(np.mean([each["spearman"] for each in found])),
        "best tenth": best.mean if best else None,
        "tenth low": best.low if best else None,
        "tenth high": best.high if best else None,
        "least tenth": float(tenth.min()) if best else None,
        "ends": tau.ends,
        "pick %": 100 * float(np.mean([each["pick"] for each in found])),
        "top ten %": 100 * float(np.mean([each["top_ten"] for each in found])),
    }
