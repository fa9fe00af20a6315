"""The search for several objectives: a front of networks instead of one.

The first objective is the score of a search for one; the others are costs, which enter
as their negatives. What is kept is what no other evaluation beats, of all evaluations:
`search/front.json`. The winner is the best score on it, as constraints say what it may
cost.

The history is the checkpoint, as in a search for one objective, see `generations.py`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from qnas_jax.evaluation import Evaluation, MemoisedEvaluator
from qnas_jax.jobs.nas.generations import EvaluateFn, run_generations
from qnas_jax.jobs.nas.search_rows import Found
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.options import option_group
from qnas_jax.reporting.front import unbeaten
from qnas_jax.runs import RowLog, write_json
from qnas_jax.searching.pareto import (
    FRONT_STRATEGIES,
    AdditiveCosts,
    FrontState,
    FrontStep,
    ParetoStrategy,
    host_fronts,
    make_front_strategy,
    start_front,
)
from qnas_jax.spaces import arch_to_string


def front_strategy(setting: NasSetting) -> ParetoStrategy:
    """Builds the strategy of a run; it knows what archs cost.

    Args:
      setting: the run; its search has several objectives.

    Returns:
      The strategy.

    Raises:
      UserError: it cannot search this space, or options do not fit each other.
    """
    search = setting.config.search
    record = FRONT_STRATEGIES[search.front_strategy].options
    with option_group(f"front_{search.front_strategy}", record):
        strategy = make_front_strategy(
            search.front_strategy,
            setting.space.num_ops,
            num_objectives=len(search.objectives),
            population=search.population,
            generations=search.generations,
            options=setting.config.front_strategy,
        )
    return strategy.knowing(AdditiveCosts.of(setting.costs, search.objectives[1:]))


def search_front(
    setting: NasSetting, evaluator: MemoisedEvaluator, history: RowLog
) -> Found:
    """Searches, and writes the history and `search/front.json`.

    Args:
      setting: the run.
      evaluator: it knows what was evaluated before.
      history: where evaluations are written.

    Returns:
      The best score on the front, and the registers of all generations.

    Raises:
      Stopped: the user asked to stop; the history holds all evaluations.
    """
    config = setting.config.search
    names = config.objectives[1:]
    strategy = front_strategy(setting)
    key = setting.key("search")

    def steps(evaluate: EvaluateFn, state: FrontState) -> Iterator[FrontStep]:
        def objectives(
            key: jax.Array, archs: np.ndarray
        ) -> tuple[np.ndarray, np.ndarray]:
            archs, scores = evaluate(key, archs)
            costs = setting.costs.cost(archs)
            columns = [scores, *(-costs[name].astype(np.float64) for name in names)]
            return archs, np.stack(columns, axis=1).astype(np.float32)

        return host_fronts(strategy, objectives, key, config.generations, state)

    _, registers = run_generations(
        setting,
        strategy,
        evaluator,
        history,
        fresh=lambda: start_front(strategy, key),
        steps=steps,
        told=lambda s: (s.points.objectives[:, 0], float(s.after.front.best[0])),
    )
    own = [row for row in evaluator.history if row.generation < config.generations]
    front = front_of(own, names)
    _write_front(setting, front, config.objectives)
    if not front:
        return Found(np.zeros(setting.space.num_layers, np.int32), -np.inf, registers)
    winner = max(front, key=lambda row: row.score)
    return Found(np.asarray(winner.arch, np.int32), winner.score, registers)


def front_of(history: Sequence[Evaluation], costs: Sequence[str]) -> list[Evaluation]:
    """The evaluations that no other one beats.

    Args:
      history: in order; failed ones are never on the front.
      costs: names of what is to be small.

    Returns:
      Those that are beaten in nothing, or beaten by none, the cheapest first; of equal
      ones the first.
    """
    known = [row for row in history if row.status == "ok" and np.isfinite(row.score)]
    points = [[*(row.costs[name] for name in costs), -row.score] for row in known]
    shape = len(known), len(costs) + 1
    return [known[n] for n in unbeaten(np.array(points, float).reshape(shape))]


def _write_front(
    setting: NasSetting, front: Sequence[Evaluation], objectives: Sequence[str]
) -> None:
    rows: list[dict[str, Any]] = [
        {
            "arch": list(row.arch),
            "string": arch_to_string(setting.space, np.asarray(row.arch)),
            "score": row.score,
            "costs": {name: row.costs[name] for name in objectives[1:]},
        }
        for row in front
    ]
    content = {"objectives": list(objectives), "front": rows}
    write_json(setting.folder.path / "search" / "front.json", content)
