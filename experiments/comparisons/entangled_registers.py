"""Where entangled registers help: Q-bits, K-level and entangled registers compared.

Chain landscapes with known optimum: separable, coupled by pairs of neighbours, and
traps within a layer and across two. Every strategy has the same budget and migration;
its angle is chosen from the same grid on seeds of their own. The strategies see the
same instances, which makes the rank test, meant for independent samples, cautious.

python -m experiments.comparisons.entangled_registers [--seeds=100] [--num_ops=4,16]
    [--out=rows.jsonl] [--figure=entangled.png]
"""

import dataclasses
import functools
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.comparisons.search_setting import SearchSetting, search_setting
from experiments.figures.entangled_boxes import Samples, comparison_figure
from experiments.landscapes.chains import LANDSCAPES, chain_score
from experiments.measuring.rows import table, write_rows
from qnas_jax.reporting.rank_tests import rank_tests
from qnas_jax.searching import scan_search

STRATEGIES = ("qbit", "qudit", "entangled")
ANGLES = (0.02, 0.05, 0.1, 0.15, 0.2)  # of pi
COUPLINGS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TUNING_SEED, _COUPLING_SEED = 10_000, 20_000


@dataclasses.dataclass(frozen=True)
class Problem:
    """One row of the comparison.

    Attributes:
      landscape: a key of `LANDSCAPES`.
      num_layers: L.
      num_ops: K of every layer.
    """

    landscape: str
    num_layers: int
    num_ops: int

    @property
    def name(self) -> str:
        """Name and size."""
        return f"{self.landscape} {self.num_layers}x{self.num_ops}"


@dataclasses.dataclass(frozen=True)
class Budget:
    """How much is searched.

    Attributes:
      generations: of 20 archs each.
      seeds: searches of each strategy on each problem, each on its own instance.
      tuning_seeds: searches for each angle.
    """

    generations: int = 100
    seeds: int = 100
    tuning_seeds: int = 40


def final_bests(
    setting: SearchSetting,
    problem: Problem,
    first_seed: int,
    num_seeds: int,
    generations: int,
) -> np.ndarray:
    """Best score of each search; search i runs on instance i.

    Args:
      setting: the strategy.
      problem: which landscape.
      first_seed: of the instances and of the keys.
      num_seeds: S.
      generations: of each search.

    Returns:
      float64 [S] in [0, 1] to five decimals, 1 at the optimum.
    """
    make = LANDSCAPES[problem.landscape]
    seeds = range(first_seed, first_seed + num_seeds)
    instances = [make(problem.num_layers, problem.num_ops, seed) for seed in seeds]
    layers = jnp.stack([jnp.asarray(instance.layers) for instance in instances])
    pairs = jnp.stack([jnp.asarray(instance.pairs) for instance in instances])
    keys = jax.random.split(jax.random.key(first_seed), num_seeds)
    search = _search_program(setting, problem.num_layers, problem.num_ops, generations)
    best = np.asarray(search(keys, layers, pairs), np.float64)
    return np.round(best, 5)  # Equal archs tie whatever the order of the sum was.


@functools.cache
def _search_program(
    setting: SearchSetting, num_layers: int, num_ops: int, generations: int
) -> Callable[..., jax.Array]:
    """One compiled program for all landscapes of a size; they differ in tables only."""
    strategy = setting.make((num_ops,) * num_layers, generations)

    @jax.jit
    @jax.vmap
    def search(key: jax.Array, layers: jax.Array, pairs: jax.Array) -> jax.Array:
        def evaluate(_: jax.Array, archs: jax.Array) -> tuple[jax.Array, jax.Array]:
            return archs, chain_score(layers, pairs, archs)

        _, trace = scan_search(strategy, evaluate, key, generations)
        return trace.best[-1]

    return search


def tuned_angle(strategy: str, problem: Problem, budget: Budget) -> float:
    """The angle of the grid with the best mean on the tuning seeds, in radians."""
    means = {
        share * math.pi: final_bests(
            _setting(strategy, share * math.pi),
            problem,
            _TUNING_SEED,
            budget.tuning_seeds,
            budget.generations,
        ).mean()
        for share in ANGLES
    }
    return max(means, key=lambda angle: means[angle])


def _setting(strategy: str, angle: float, **options: float) -> SearchSetting:
    return search_setting(strategy, population=20, angle=angle, **options)


def run(
    problems: Sequence[Problem], budget: Budget
) -> tuple[list[dict[str, Any]], Samples]:
    """Tunes and runs every strategy on every problem.

    Args:
      problems: what to search.
      budget: how much.

    Returns:
      A row for each problem and strategy, and the results [S] behind them.
    """
    rows: list[dict[str, Any]] = []
    samples: Samples = {}
    for problem in problems:
        samples[problem.name] = {}
        for strategy in STRATEGIES:
            angle = tuned_angle(strategy, problem, budget)
            setting = _setting(strategy, angle)
            best = final_bests(setting, problem, 0, budget.seeds, budget.generations)
            samples[problem.name][strategy] = best
            rows.append(
                {
                    "problem": problem.name,
                    "strategy": strategy,
                    "angle / pi": round(angle / math.pi, 3),
                    **_summary(best),
                    "optimum found": float(np.mean(best == 1)),
                    "seeds": budget.seeds,
                }
            )
    return rows, samples


def _summary(best: np.ndarray) -> dict[str, float]:
    low, median, high = np.percentile(best, (25, 50, 75))
    return {
        "mean": float(best.mean()),
        "std": float(best.std(ddof=1)),
        "median": float(median),
        "lower quartile": float(low),
        "upper quartile": float(high),
    }


def compare(samples: Samples) -> list[dict[str, Any]]:
    """Tests every pair of strategies on every problem.

    Args:
      samples: of `run`.

    Returns:
      A row a pair, p-values corrected for the number of rows.
    """
    return [
        {
            "problem": problem,
            "strategy": test.first,
            "against": test.second,
            "difference": test.difference,
            "superiority": test.superiority,
            "p (Holm)": test.p_value,
            "verdict": test.verdict,
        }
        for problem, tests in rank_tests(samples).items()
        for test in tests
    ]


def run_couplings(
    problems: Sequence[Problem], angle: float, budget: Budget
) -> list[dict[str, Any]]:
    """The entangled strategy by the share of its rotation that entangles.

    Args:
      problems: what to search.
      angle: radians, the same for all.
      budget: `tuning_seeds` searches each, on seeds used for nothing else.

    Returns:
      A row a problem, a column a coupling.
    """
    return [
        {
            "problem": problem.name,
            "angle / pi": round(angle / math.pi, 3),
            **{
                f"coupling {coupling}": float(
                    final_bests(
                        _setting("entangled", angle, coupling=coupling),
                        problem,
                        _COUPLING_SEED,
                        budget.tuning_seeds,
                        budget.generations,
                    ).mean()
                )
                for coupling in COUPLINGS
            },
        }
        for problem in problems
    ]


def main(argv: Sequence[str]) -> None:
    """Prints the tables and draws the figure."""
    del argv
    sizes = [int(text) for text in _NUM_OPS.value]
    problems = [Problem(name, 20, size) for size in sizes for name in LANDSCAPES]
    budget = Budget(seeds=_SEEDS.value)
    rows, samples = run(problems, budget)
    tests = compare(samples)
    couplings = run_couplings(problems, 0.1 * math.pi, budget)
    for part in (rows, tests, couplings):
        print(table(part, list(part[0])) + "\n")
    write_rows(_OUT.value, [*rows, *tests, *couplings])
    if _FIGURE.value:
        pathlib.Path(_FIGURE.value).write_bytes(comparison_figure(samples))


if __name__ == "__main__":
    _SEEDS = flags.DEFINE_integer("seeds", 100, "searches of each setting")
    _NUM_OPS = flags.DEFINE_list("num_ops", ["4", "16"], "ops of every layer")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file for the box plots")
    app.run(main)
