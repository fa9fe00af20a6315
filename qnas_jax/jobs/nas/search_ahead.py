"""The programs of a search, compiled while the supernet is trained."""

import jax
import numpy as np

from qnas_jax.jobs.nas.fronts import front_strategy
from qnas_jax.jobs.nas.search import search_strategy
from qnas_jax.jobs.nas.search_rows import probabilities_of, repaired
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.searching import Strategy, host_search


def compile_search(setting: NasSetting) -> None:
    """Compiles how a supernet's networks are scored, and a generation of the strategy.

    Args:
      setting: the run; nothing of it changes.
    """
    config = setting.config
    if config.evaluator.name != "supernet" or config.search.score == "fused":
        return
    if config.search.objectives:
        population = front_strategy(setting).population
    else:
        strategy = search_strategy(setting)
        population = strategy.population
        _search_once(setting, strategy)
    weights = setting.reduced.supernet.init(jax.random.key(0))
    # To a device of their own, as weights are that were saved: else it is two programs.
    weights = jax.device_put(weights, jax.local_devices()[0])
    evaluator = setting.supernet_evaluator(config.scoring)(weights)
    archs = np.zeros((population, setting.space.num_layers), np.int32)
    jax.block_until_ready(evaluator(jax.random.key(0), archs))


def _search_once(setting: NasSetting, strategy: Strategy) -> None:
    """One generation, in which all are equally good."""

    def evaluate(key: jax.Array, archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return repaired(setting, key, archs), np.zeros(len(archs), np.float32)

    def ties(archs: np.ndarray, fidelities: np.ndarray | None) -> np.ndarray:
        del fidelities
        return np.zeros(len(archs), np.float32)

    for step in host_search(strategy, evaluate, jax.random.key(0), 1, ties=ties):
        probabilities_of(strategy, step.before.strategy_state)
