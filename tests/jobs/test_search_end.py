"""The loop of the search stage ends when the space is exhausted."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.evaluation import (
    ONE_FIDELITY,
    Evaluated,
    Evaluation,
    MemoisedEvaluator,
    ScoreOf,
)
from qnas_jax.jobs.nas import search
from qnas_jax.jobs.nas.search_rows import history_of
from qnas_jax.runs import CheckpointOptions, WorkFolder, read_rows
from qnas_jax.searching import make_strategy
from qnas_jax.spaces import SearchSpace
from qnas_jax.stopping import Stopped
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

SPACE = SearchSpace("six", (("a", "b"), ("x", "y", "z")))


class Formula:
    """An evaluator."""

    score = ScoreOf("accuracy", larger_is_better=True)
    traceable = True
    fidelities = ONE_FIDELITY

    def __call__(self, key, archs, fidelities=None):
        values = jnp.asarray((archs[:, 0] * 3 + archs[:, 1]) / 10, jnp.float32)
        return Evaluated({"accuracy": values}, jnp.zeros(len(archs), jnp.int32))


def run(folder, generations, said, formula=None):
    """A search whose scores are a formula, with what an earlier part left behind."""
    setting = SimpleNamespace(
        config=SimpleNamespace(
            search=SimpleNamespace(generations=generations),
            checkpoints=CheckpointOptions(),
        ),
        space=SPACE,
        budget=None,
        key=lambda name: jax.random.key(1),
        folder=WorkFolder(folder),
        progress=lambda steps, total, description: steps,
        say=said.append,
        kept_outcomes=KeptOutcomes(folder / "outcomes.jsonl"),
        should_stop=lambda: False,
    )
    log = history_of(setting.folder)
    history = [Evaluation.from_row(row) for row in log.read()]
    strategy = make_strategy(
        "random", SPACE.num_ops, population=2, generations=generations
    )
    evaluator = MemoisedEvaluator(formula or Formula(), lambda archs: {}, history)
    found = search._run(setting, strategy, evaluator, log)
    return found.arch, found.registers, evaluator.history


def test_it_ends_with_a_line_when_all_are_evaluated(tmp_path):
    said = []
    best, registers, history = run(tmp_path, 200, said)
    assert sorted(row.arch for row in history) == sorted(np.ndindex(2, 3))
    assert best.tolist() == [1, 2]
    (line,) = said
    done = len(registers)
    assert line == (
        "search: all 6 architectures of the space are evaluated; "
        f"ended after {done} of 200 generations"
    )
    logged = read_rows(tmp_path / "metrics.jsonl")
    assert 3 <= done == len(logged) < 200
    assert logged[-1]["evaluations"] == 6 > logged[-2]["evaluations"]


def test_a_replayed_search_ends_in_the_same_generation(tmp_path):
    said = []
    first = run(tmp_path, 200, said)
    again = run(tmp_path, 200, said)
    assert said[0] == said[1] and len(again[2]) == 6
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_a_stop_in_the_midst_of_a_generation_keeps_those_before_it(tmp_path):
    """A function of a user's is asked whether to stop before each evaluation."""

    class Stopping(Formula):
        calls = 0

        def __call__(self, key, archs, fidelities=None):
            self.calls += 1
            if self.calls == 3:
                raise Stopped
            return super().__call__(key, archs)

    with pytest.raises(Stopped):
        run(tmp_path, 200, [], Stopping())
    with np.load(tmp_path / "search" / "progress.npz") as kept:
        done = len(kept["registers"])
    assert done == len(read_rows(tmp_path / "metrics.jsonl")) >= 2
    said = []
    found = run(tmp_path, 200, said)
    undisturbed = run(tmp_path / "other", 200, said)
    assert said[0] == said[1]
    for one, other in zip(found[:2], undisturbed[:2], strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_goes_on_while_some_are_not(tmp_path):
    said = []
    _, registers, history = run(tmp_path, 2, said)
    assert said == [] and len(registers) == 2 and len(history) < 6
