"""Every optimiser on instances of known optimum.

Short runs, so that some fail: approximation ratio of the best feasible string, success
probability p over seeds, and time to solution at 99 %,

    TTS = t log(1 - 0.99) / log(1 - p)        (t if p = 1),

in evaluations (costs, shots or oracle calls; t is one run). The optimum comes from all
strings. Budgets are those of `BUDGETS`, about 2,000 evaluations, not tuned. A shot
counts one, however deep its circuit: 80 Trotter steps of an anneal, 4 layers of QAOA.

python -m experiments.comparisons.solver_instances [--seeds=30] [--instances=3]
    [--out=rows.jsonl]
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from qnas_jax.optimise import OPTIMISERS, Problem
from qnas_jax.optimise.annealing import QuantumAnnealingOptions
from qnas_jax.optimise.exhaustive import exhaustive
from qnas_jax.optimise.grover import GroverOptions
from qnas_jax.optimise.problems.constraints import (
    Constraints,
    feasible_diagonal,
    keep_feasible,
    penalised,
    penalised_diagonal,
)
from qnas_jax.optimise.problems.instances import (
    Instance,
    independent_set,
    knapsack,
    max_cut,
    quadratic_assignment,
    random_qubo,
)
from qnas_jax.optimise.variational.qaoa import QaoaOptions
from qnas_jax.optimise.variational.vqe import VqeOptions
from qnas_jax.optimise.walks.path_integral import PathIntegralOptions
from qnas_jax.optimise.walks.simulated_annealing import AnnealOptions
from qnas_jax.optimise.walks.tabu import TabuOptions
from qnas_jax.options import Options

INSTANCES: tuple[Callable[[int], Instance], ...] = (
    lambda seed: max_cut(16, seed=seed),
    lambda seed: max_cut(16, weighted=True, seed=seed),
    lambda seed: random_qubo(16, seed=seed),
    lambda seed: knapsack(14, num_limits=3, seed=seed),
    lambda seed: independent_set(16, seed=seed),
    lambda seed: quadratic_assignment(4, seed=seed),
)

BUDGETS: Mapping[str, Options] = {
    "grover": GroverOptions(oracle_calls=2_000),
    "qaoa": QaoaOptions(layers=4, steps=15, shots=64),
    "vqe": VqeOptions(starts=1, steps=30, shots=64),
    "annealing": QuantumAnnealingOptions(time=20.0, steps=80, shots=64),
    "path_integral": PathIntegralOptions(replicas=1, slices=8, sweeps=16),
    "simulated_annealing": AnnealOptions(replicas=4, sweeps=30),
    "tabu": TabuOptions(walks=1, restarts=2, steps=60),
}
"""Options of the short runs; what is not named runs with its defaults."""


def run(
    makers: Sequence[Callable[[int], Instance]],
    names: Sequence[str],
    num_instances: int,
    num_seeds: int,
) -> list[dict[str, Any]]:
    """Compares optimisers on several instances of each kind.

    Args:
      makers: seed -> instance.
      names: of the optimisers.
      num_instances: of each kind.
      num_seeds: runs on each instance.

    Returns:
      A row a kind and optimiser.
    """
    rows = []
    for make in makers:
        instances = [make(seed) for seed in range(num_instances)]
        posed = [pose(instance) for instance in instances]
        for name in names:
            found = [
                _runs(name, instance, problem, num_seeds)
                for instance, problem in zip(instances, posed, strict=True)
            ]
            rows.append(
                {"instance": instances[0].name, "optimiser": name} | _row(found)
            )
    return rows


def pose(instance: Instance) -> Problem:
    """The cost with penalties: quadratic if no slack bits are needed."""
    if instance.limits is None:
        return instance.problem
    form = penalised(instance.problem, instance.limits, instance.penalty)
    if form.num_levels == instance.problem.num_levels:
        return form
    return penalised_diagonal(instance.problem, instance.limits, instance.penalty)


def optimum(instance: Instance) -> float:
    """The lowest feasible cost, from all strings."""
    problem: Problem = instance.problem
    if instance.limits is not None:
        problem = feasible_diagonal(problem, instance.limits, math.inf)
    return float(exhaustive(problem, jax.random.key(0)).cost)


def time_to_solution(evaluations: float, success: float) -> float | None:
    """Evaluations for 99 % success; None if no run succeeded.

    Args:
      evaluations: t of one run.
      success: p in [0, 1] of one run.
    """
    if success <= 0.0:
        return None
    if success >= 1.0:
        return evaluations
    return evaluations * math.log(1 - 0.99) / math.log(1 - success)


def _runs(
    name: str, instance: Instance, problem: Problem, num_seeds: int
) -> dict[str, np.ndarray]:
    """Ratios, successes and evaluations of each seed."""
    keys = jax.random.split(jax.random.key(0), num_seeds)
    solve = _solver(name)
    found = solve(problem, instance.problem, instance.limits, keys)
    costs, evaluations = (np.asarray(x, float) for x in found)
    best = optimum(instance)
    return {
        "ratio": best / costs if best > 0 else np.where(costs < 0, costs / best, 0.0),
        "success": np.isclose(costs, best, rtol=1e-4, atol=1e-4),
        "evaluations": evaluations,
    }


@functools.cache
def _solver(name: str) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """Costs [seeds] and evaluations [seeds]; one program for problems of one size."""
    spec = OPTIMISERS[name]
    options = BUDGETS.get(name, spec.options())

    @jax.jit
    def solve(
        posed: Problem, plain: Problem, limits: Constraints | None, keys: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
            result = spec(posed, key, options)
            if limits is not None:
                result = keep_feasible(result, plain, limits)
            return jnp.asarray(result.cost), jnp.asarray(result.evaluations)

        return jax.lax.map(one, keys)

    return solve


def _row(found: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Any]:
    ratios = np.concatenate([f["ratio"] for f in found])
    chances = [float(f["success"].mean()) for f in found]
    times = [
        time_to_solution(float(f["evaluations"].mean()), p)
        for f, p in zip(found, chances, strict=True)
    ]
    # A run that never succeeds takes longest.
    ordered = sorted(times, key=lambda t: math.inf if t is None else t)
    return {
        "ratio": float(ratios.mean()),
        "std": float(ratios.std()),
        "p": float(np.mean(chances)),
        "lowest p": min(chances),
        "evaluations": float(np.mean([f["evaluations"].mean() for f in found])),
        "TTS": ordered[len(ordered) // 2],
        "least TTS": ordered[0],
        "most TTS": ordered[-1],
        "runs": ratios.size,
    }


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    names = list(OPTIMISERS)
    rows = run(INSTANCES, names, _INSTANCES.value, _SEEDS.value)
    shown = [{k: "-" if v is None else v for k, v in row.items()} for row in rows]
    print(table(shown, list(rows[0])))
    write_rows(_OUT.value, rows)


if __name__ == "__main__":
    _SEEDS = flags.DEFINE_integer("seeds", 30, "runs on each instance", lower_bound=1)
    _INSTANCES = flags.DEFINE_integer("instances", 3, "of each kind", lower_bound=1)
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
