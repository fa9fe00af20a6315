"""The searches of one strategy on a table, and what was best at each budget."""

import jax
import numpy as np

from experiments.comparisons.contestants import Contestant
from experiments.peers.optuna_samplers import optuna_searches
from qnas_jax.evaluation import ScoredBy
from qnas_jax.evaluation.tables import (
    Table,
    full_evaluations,
    incumbents,
    query_costs,
)
from qnas_jax.searching import Generation
from qnas_jax.searching.many import search_seeds

BUDGETS = (
    10,
    20,
    25,
    30,
    40,
    50,
    60,
    80,
    100,
    125,
    150,
    200,
    250,
    300,
    400,
    500,
    700,
    1000,
)
TOP = 0.01

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Incumbents [S, B, L] and their scores [S, B]; evaluations to the top 1 % [S]."""


def search(contestant: Contestant, table: Table, seeds: int) -> Found:
    """Runs all searches of one strategy and keeps what was best at each budget."""
    evaluated = evaluate_all(contestant, table, seeds, contestant.evaluations)
    costs = full_evaluations(evaluated, table)
    if contestant.repeats_free:
        costs *= query_costs(evaluated, count_repeats=False)
    budgets = [budget for budget in BUDGETS if budget <= contestant.evaluations]
    best = incumbents(evaluated, costs, budgets)
    return best.archs, best.scores, first_top(table, evaluated, costs)


def evaluate_all(
    contestant: Contestant, table: Table, seeds: int, evaluations: int
) -> Generation:
    """All evaluations of all searches.

    Args:
      contestant: strategy and setting.
      table: what is searched.
      seeds: number of searches, fewer if the contestant says so.
      evaluations: full evaluations of each.

    Returns:
      NumPy arrays [S, G, P, ...].
    """
    count = min(seeds, contestant.seeds or seeds)
    if contestant.peer:
        return _evaluate_peer(contestant.peer, table, count, evaluations)
    generations = contestant.generations(evaluations)
    strategy = contestant.setting().make(table.num_ops, generations)
    if strategy.fidelities is None:
        evaluator = table.evaluator()
    else:
        evaluator = table.multi_fidelity_evaluator()
    keys = jax.vmap(jax.random.key)(np.arange(count))
    evaluated = search_seeds(strategy, ScoredBy(evaluator), keys, generations)
    if strategy.fidelities is None:
        highest = np.full_like(evaluated.fidelities, len(table.fidelities) - 1)
        evaluated = evaluated._replace(fidelities=highest)
    return evaluated


def _evaluate_peer(
    sampler: str, table: Table, seeds: int, evaluations: int
) -> Generation:
    """The same for a sampler of another library, one study a process and seed."""
    every = np.array(list(np.ndindex(*table.num_ops)))
    values = table.scores()[table.index(every)].reshape(table.num_ops)
    archs, scores = optuna_searches(values, sampler, evaluations, range(seeds))
    highest = np.full(scores[..., None].shape, len(table.fidelities) - 1)
    return Generation(archs[:, :, None], scores[..., None], highest)


def first_top(table: Table, evaluated: Generation, costs: np.ndarray) -> np.ndarray:
    """Cost up to the first arch of the top 1 % by validation, [S]; inf if none."""
    scores = table.scores()
    limit = np.quantile(scores, 1 - TOP)
    archs = np.asarray(evaluated.archs)
    archs = archs.reshape(len(archs), -1, archs.shape[-1])
    top = scores[table.index(archs)] >= limit
    spent = np.cumsum(costs, axis=1)
    first = np.argmax(top, axis=1)
    return np.where(top.any(axis=1), spent[np.arange(len(spent)), first], np.inf)
