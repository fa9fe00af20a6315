"""Each architecture is scored once, and its row tells all of it."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.evaluation import (
    Evaluated,
    Evaluation,
    MemoisedEvaluator,
    ScoreOf,
    finite_status,
)
from qnas_jax.status import Status

KEY = jax.random.key(0)


class Formula:
    """Evaluates by formula, and writes down what it was asked for."""

    fidelities = ("few", "many")

    def __init__(self, failing=(), *, traceable=True, larger_is_better=True):
        self.calls = []
        self.failing = failing
        self.traceable = traceable
        self.score = ScoreOf("accuracy", larger_is_better)

    def __call__(self, key, archs, fidelities=None):
        assert archs.dtype == np.int32
        self.calls.append(archs.tolist())
        accuracy = jnp.asarray([self.accuracy(arch) for arch in archs], jnp.float32)
        if fidelities is not None:
            accuracy = accuracy + fidelities
        bad = jnp.asarray([tuple(arch) in self.failing for arch in archs.tolist()])
        metrics = {
            "accuracy": accuracy,
            "loss": jnp.where(bad, jnp.nan, 3.0 - accuracy),
        }
        status = finite_status(metrics)
        if self.traceable:
            return Evaluated(metrics, status)
        seconds = {"seconds": jnp.full(len(archs), 0.5)}
        reasons = tuple("it failed" if each else "" for each in bad.tolist())
        return Evaluated(metrics, status, seconds, reasons)

    @staticmethod
    def accuracy(arch):
        return np.float32((np.dot(arch, [100, 10, 1]) % 7) / 7)


def ask(evaluator, archs, generation, fidelities=None):
    """Scores, and the evaluations that were new."""
    same, scores = evaluator(KEY, archs, fidelities, generation=generation)
    assert same is archs
    return scores, evaluator.fresh


def cost(archs):
    return {"params": archs.sum(axis=1) * 10, "macs": archs.max(axis=1)}


def test_each_arch_is_scored_once():
    scorer = Formula()
    evaluator = MemoisedEvaluator(scorer, cost)
    a, b, c, d = [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 2, 2]
    scores, fresh = ask(evaluator, np.array([a, b, a, c]), 0)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, [Formula.accuracy(x) for x in (a, b, a, c)])
    assert [list(one.arch) for one in fresh] == [a, b, c]
    scores, fresh = ask(evaluator, np.array([c, d, a, d]), 1)
    np.testing.assert_array_equal(scores, [Formula.accuracy(x) for x in (c, d, a, d)])
    assert [list(one.arch) for one in fresh] == [d]
    scores, fresh = ask(evaluator, np.array([a, b, c, d]), 2)
    np.testing.assert_array_equal(scores, [Formula.accuracy(x) for x in (a, b, c, d)])
    assert fresh == []
    # Always the compiled size, filled with repeats; no call where nothing is new.
    assert scorer.calls == [[a, b, c, a], [d, d, d, d]]


def test_history_is_numbered_and_complete():
    evaluator = MemoisedEvaluator(Formula(), cost)
    ask(evaluator, np.array([[0, 0, 1], [0, 0, 1], [0, 1, 2]]), 0)
    ask(evaluator, np.array([[1, 2, 3], [0, 1, 2], [1, 2, 3]]), 4)
    assert [one.evaluation for one in evaluator.history] == [1, 2, 3]
    assert [one.generation for one in evaluator.history] == [0, 0, 4]
    last = evaluator.history[-1]
    accuracy = float(Formula.accuracy([1, 2, 3]))
    assert last.arch == (1, 2, 3) and last.status == "ok"
    assert last.score == last.metrics["accuracy"] == accuracy
    assert last.metrics["loss"] == float(np.float32(3.0) - np.float32(accuracy))
    assert last.costs == {"params": 60, "macs": 3}
    assert all(type(value) is int for value in last.costs.values())


def test_failed_ones_stay_in_the_history_and_never_win():
    evaluator = MemoisedEvaluator(Formula(failing={(6, 6, 6)}), cost)
    scores, fresh = ask(evaluator, np.array([[6, 6, 6], [0, 0, 1]]), 0)
    assert scores[0] == -np.inf and np.isfinite(scores[1])
    assert [one.status for one in fresh] == ["non_finite", "ok"]
    assert math.isnan(fresh[0].metrics["loss"])
    row = json.loads(json.dumps(fresh[0].row(), allow_nan=False))
    assert row["score"] is None and row["metrics"]["loss"] is None
    back = Evaluation.from_row(row)
    assert back.score == -math.inf and math.isnan(back.metrics["loss"])
    assert (back.arch, back.status, back.costs) == (
        (6, 6, 6),
        "non_finite",
        fresh[0].costs,
    )
    # Not scored again.
    scores, fresh = ask(evaluator, np.array([[6, 6, 6], [6, 6, 6]]), 1)
    assert fresh == [] and (scores == -np.inf).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_any_number_that_is_not_finite_is_a_failure(bad):
    status = finite_status({"a": jnp.array([0.5, bad, 0]), "b": jnp.array([bad, 1, 2])})
    assert status.tolist() == [Status.NON_FINITE, Status.NON_FINITE, Status.OK]


def test_smaller_may_be_better():
    evaluator = MemoisedEvaluator(Formula(larger_is_better=False), cost)
    scores, (first, _) = ask(evaluator, np.array([[0, 0, 1], [6, 6, 6]]), 0)
    assert scores[0] == first.score == -first.metrics["accuracy"] < 0


def test_search_loops_count_the_generations():
    evaluator = MemoisedEvaluator(Formula(), cost)
    archs = np.array([[0, 0, 1], [0, 1, 2]])
    for asked in (archs, archs, archs + 1):
        evaluator(KEY, asked)
    assert [one.generation for one in evaluator.history] == [0, 0, 2, 2]


def test_only_compiled_evaluators_are_filled_up_with_repeats():
    formula = Formula(failing={(2, 2, 2)}, traceable=False)
    evaluator = MemoisedEvaluator(formula, cost)
    a, b = [0, 0, 1], [2, 2, 2]
    _, (good, bad) = ask(evaluator, np.array([a, b, a, a]), 0)
    assert formula.calls == [[a, b]]
    assert (good.costs["seconds"], good.costs["params"]) == (0.5, 10)
    assert (good.reason, bad.reason) == ("", "it failed")


def test_an_arch_is_evaluated_once_at_each_fidelity():
    formula = Formula()
    evaluator = MemoisedEvaluator(formula, cost)
    archs = np.array([[0, 0, 1], [0, 0, 1]])
    few, _ = ask(evaluator, archs, 0, np.array([0, 0]))
    both, fresh = ask(evaluator, archs, 1, np.array([0, 1]))
    assert both.tolist() == [few[0], few[0] + 1]
    assert [one.fidelity for one in evaluator.history] == [0, 1] and len(fresh) == 1
    assert len(formula.calls) == 2


def test_rows_come_back_from_json_exactly():
    rng = np.random.default_rng(0)
    values = rng.random((200, 2)).astype(np.float32)
    for number, (accuracy, loss) in enumerate(values, start=1):
        one = Evaluation(
            evaluation=number,
            generation=3,
            arch=(0, 15, number),
            fidelity=-1,
            score=float(accuracy),
            metrics={"accuracy": float(accuracy), "loss": float(loss)},
            costs={"params": 4_000_000_000, "macs": 7},
            status="ok",
            reason="",
        )
        back = Evaluation.from_row(json.loads(json.dumps(one.row())))
        assert back == one
        assert np.float32(back.score) == accuracy


def test_goes_on_from_a_history():
    first = MemoisedEvaluator(Formula(failing={(2, 2, 2)}), cost)
    asked = np.array([[0, 0, 1], [0, 1, 2], [2, 2, 2]])
    expected, _ = ask(first, asked, 0)
    rows = [json.loads(json.dumps(one.row())) for one in first.history]
    scorer = Formula()
    second = MemoisedEvaluator(scorer, cost, map(Evaluation.from_row, rows))
    scores, fresh = ask(second, asked, 0)
    np.testing.assert_array_equal(scores, expected)
    assert fresh == [] and scorer.calls == []
    _, (new,) = ask(second, np.array([[0, 0, 1], [1, 2, 3], [0, 1, 2]]), 1)
    assert new.evaluation == 4
    assert [one.evaluation for one in second.history] == [1, 2, 3, 4]


def test_losses_decide_between_equal_scores():
    evaluator = MemoisedEvaluator(Formula(failing=[(0, 0, 2)]), cost)
    archs = np.array([[0, 0, 1], [0, 1, 2], [0, 0, 2], [0, 0, 1]])
    ask(evaluator, archs, 0)
    expected = [Formula.accuracy(arch) - 3.0 for arch in archs]
    expected[2] = np.nan
    np.testing.assert_allclose(evaluator.ties(archs), expected, rtol=1e-6)
    ask(evaluator, archs[:2], 1, np.array([0, 1]))
    found = evaluator.ties(archs[:2], np.array([0, 1]))
    np.testing.assert_allclose(found, [expected[0], expected[1] + 1], rtol=1e-6)
