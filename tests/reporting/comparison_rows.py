"""Rows of searches by three strategies on two tasks, made of seeded random numbers."""

import json

import numpy as np

from qnas_jax.reporting.comparison.page import Focus

FOCUS = Focus(
    reference="fast",
    peers=("slow",),
    shown=("fast", "slow"),
    budgets=(10.0, 20.0),
    decisive=(20.0,),
    published={"slow": {"one": (61.0, 2.0), "two": (60.0, 1.0)}},
)
LEVELS = {"fast": 0.8, "level": 0.799, "slow": 0.6}


def make_rows(seeds=20):
    rng = np.random.default_rng(0)
    rows = []
    for task in ("one", "two"):
        for strategy, level in LEVELS.items():
            for seed in range(seeds):
                score = level + 0.02 * rng.normal()
                late = None if strategy == "level" else score
                rows.append(
                    {
                        "strategy": strategy,
                        "task": task,
                        "seed": seed,
                        "budgets": [10, 20, 40],
                        "validation": [score - 0.1, score, late],
                        "test": [score - 0.1, score, late],
                        "first_top": None if seed % 2 else 7 + seed,
                        "optimum": 0.9,
                        "commit": "abc",
                    }
                )
    rows += [
        {"strategy": "slow", "seed": seed, "transfer": {"one": share, "two": 0.61}}
        for seed, share in enumerate((0.6, 0.61, 0.62))
    ]
    return [json.loads(json.dumps(row)) for row in rows]
