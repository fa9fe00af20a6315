"""What a search and a training compile, they compile at their start."""

import jax
import numpy as np
import pytest
from made_strategies import SMALL

from experiments.reliability.long_runs import CompileCounter
from qnas_jax.evaluation import MemoisedEvaluator
from qnas_jax.evaluation.function import FunctionOptions, load_function
from qnas_jax.jobs.nas.search import search_architecture
from qnas_jax.jobs.nas.supernet import train_supernet
from qnas_jax.spaces import SearchSpace


@pytest.fixture
def counter():
    counter = CompileCounter()
    yield counter
    jax.monitoring.unregister_event_duration_listener(counter.hear)


def counts_of(setting, counter, run):
    """Programs that were compiled before each step of the loop."""
    counts = []

    def counted(steps, total, description):
        for step in steps:
            counts.append(counter.count)
            yield step

    setting.progress = counted
    run(setting)
    return [*counts, counter.count]


@pytest.mark.parametrize("strategy", ["memory_registers", "qbit", "predictor"])
def test_no_generation_after_the_first_two(
    search_config, make_setting, counter, strategy
):
    """The second is the first that replaces what the strategy began with."""
    search_config.search.update(strategy=strategy, population=1, generations=7)
    search_config[strategy].update(SMALL.get(strategy, {}))
    counts = counts_of(make_setting(search_config), counter, search_architecture)
    assert counts[-2] > counts[0] and len(counts) > 5
    assert len(set(counts[2:-1])) == 1  # then the networks for comparison are scored


def test_no_population_of_a_function_however_many_are_new(tmp_path, counter):
    """Without the known ones a population has any size, at any time of a search."""
    path = tmp_path / "mine.py"
    path.write_text("def evaluate(arch):\n    return {'score': 1, 'size': 2}\n")
    space = SearchSpace("letters", ("ab",) * 6)
    function = load_function(FunctionOptions(file=str(path)), space)
    memo = MemoisedEvaluator(function, lambda archs: {})
    archs = np.asarray(list(np.ndindex((2,) * 6)), np.int32)
    memo(jax.random.key(0), archs[:8])
    before = counter.count
    for new in (1, 3, 5, 7):
        memo.ties(memo(jax.random.key(new), archs[8 * new + new : 8 * new + 8])[0])
    assert counter.count == before and len(memo.history) == 24


@pytest.mark.slow
def test_no_step_of_a_training_after_the_first_epochs(
    tiny_config, make_setting, counter
):
    """Five steps an epoch; the pool is searched after the first and each later one.

    It is scored in calls of `pool_population`, of which the space has fewer; a pool
    that grows beyond it is a program more.
    """
    tiny_config.supernet.pool_population = 8
    counts = counts_of(make_setting(tiny_config), counter, train_supernet)
    assert len(counts) == 21 and counts[1] > counts[0]
    assert counts[2] == counts[4] and len(set(counts[11:])) == 1
