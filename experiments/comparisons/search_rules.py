"""Ablation of the Q-bit search: strategy, rule, angle and migration.

OneMax-84 (84 binary layers, population 20, 100 generations) for every setting, and the
knapsack instances of the published QIGA study for QIGA-1, QIGA-2 and the default, if
`--data_dir` or QNAS_DATA_DIR holds them. All seeds of a setting are one program.

python -m experiments.comparisons.search_rules [--seeds=20] [--out=rows.jsonl]
"""

import dataclasses
import math
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags

from experiments.comparisons.search_setting import SearchSetting, search_setting
from experiments.landscapes.additive import (
    bits_knapsack_evaluator,
    onemax_evaluator,
    pairs_knapsack_evaluator,
    read_knapsack,
)
from experiments.measuring.rows import table, write_rows
from qnas_jax.searching import scan_search

_MIGRATION = {"none": (0, 0), "local": (1, 0), "default": (1, 20), "global": (0, 1)}
_PUBLISHED = {
    ("qiga1", 250): 1406.53,
    ("qiga2", 250): 1467.41,
    ("qiga1", 500): 2812.74,
    ("qiga2", 500): 2929.47,
}


def onemax_settings() -> list[SearchSetting]:
    """The grid: rules x angles x migrations, then the other strategies."""
    grid = [
        search_setting(
            "qbit",
            population=20,
            rule=rule,
            angle=turns * math.pi,
            local_migration_every=local,
            global_migration_every=all_,
        )
        for rule in ("han_kim_2002", "always")
        for turns in (0.01, 0.03, 0.05)
        for local, all_ in _MIGRATION.values()
    ]
    others = ("qudit", "qiga1", "qiga2", "bqnas_released", "random")
    return grid + [search_setting(name, population=20) for name in others]


def run_onemax(
    settings: Sequence[SearchSetting],
    num_seeds: int,
    bits: int = 84,
    generations: int = 100,
) -> list[dict[str, Any]]:
    """Best share of ones after each search.

    Args:
      settings: what to compare.
      num_seeds: searches of each.
      bits: binary layers.
      generations: of each search.

    Returns:
      A row a setting: mean, standard deviation and minimum over the seeds.
    """
    migrations: dict[Any, str] = {value: name for name, value in _MIGRATION.items()}
    rows = []
    for setting in settings:
        best = _final_bests(
            setting, (2,) * bits, onemax_evaluator(), num_seeds, generations
        )
        given = dataclasses.asdict(setting.options)
        period = given.get("local_migration_every"), given.get("global_migration_every")
        rows.append(
            {
                "strategy": setting.strategy,
                "rule": given.get("rule", "-"),
                "angle / pi": round(given["angle"] / math.pi, 4)
                if "angle" in given
                else "-",
                "migration": migrations.get(period, "-"),
                "mean": float(best.mean()),
                "std": float(best.std(ddof=1)),
                "min": float(best.min()),
                "seeds": num_seeds,
            }
        )
    return rows


def run_knapsack(
    data_dir: pathlib.Path,
    num_seeds: int,
    generations: int = 500,
    sizes: Sequence[int] = (250, 500),
) -> list[dict[str, Any]]:
    """Best price in the last generation, population 10, beside published means.

    Args:
      data_dir: folder that holds `knapsack/`.
      num_seeds: searches of each.
      generations: 500 gives the published 5,000 evaluations.
      sizes: items of the instances, each published.

    Returns:
      A row a strategy and instance.
    """
    rows = []
    for items in sizes:
        knapsack = read_knapsack(data_dir / "knapsack" / f"knapsack-{items}.txt")
        for strategy in ("qiga1", "qiga2", "qbit"):
            setting = search_setting(strategy, population=10)
            pairs = strategy == "qiga2"
            evaluator = pairs_knapsack_evaluator if pairs else bits_knapsack_evaluator
            num_ops = (4,) * (items // 2) if pairs else (2,) * items
            last = _final_bests(
                setting,
                num_ops,
                evaluator(knapsack),
                num_seeds,
                generations,
                last_generation=True,
            )
            rows.append(
                {
                    "strategy": strategy,
                    "items": items,
                    "mean": float(last.mean()),
                    "std": float(last.std(ddof=1)),
                    "published": _PUBLISHED.get((strategy, items), "-"),
                    "seeds": num_seeds,
                }
            )
    return rows


def _final_bests(
    setting: SearchSetting,
    num_ops: tuple[int, ...],
    evaluate: Callable[..., Any],
    num_seeds: int,
    generations: int,
    last_generation: bool = False,
) -> np.ndarray:
    strategy = setting.make(num_ops, generations)

    @jax.jit
    @jax.vmap
    def search(key: jax.Array) -> jax.Array:
        _, trace = scan_search(strategy, evaluate, key, generations)
        return (trace.generation_best if last_generation else trace.best)[-1]

    return np.asarray(search(jax.random.split(jax.random.key(0), num_seeds)))


def main(argv: Sequence[str]) -> None:
    """Prints the tables."""
    del argv
    rows = run_onemax(onemax_settings(), _SEEDS.value)
    print(table(rows, list(rows[0])))
    folder = _DATA_DIR.value or os.environ.get("QNAS_DATA_DIR")
    if folder:
        published = run_knapsack(pathlib.Path(folder), _SEEDS.value)
        print("\n" + table(published, list(published[0])))
        rows += published
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    _SEEDS = flags.DEFINE_integer("seeds", 20, "searches of each setting")
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the knapsack files")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
