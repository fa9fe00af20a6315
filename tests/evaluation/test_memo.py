"""Each architecture is scored once, and its row tells all of it."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.evaluation import Evaluation, MemoisedEvaluator, Scores


class Scorer:
    """Scores by formula, and writes down what it was asked for."""

    def __init__(self, failing=()):
        self.calls = []
        self.failing = failing

    def __call__(self, archs):
        assert archs.dtype == np.int32
        self.calls.append(archs.tolist())
        accuracy = jnp.asarray([self.accuracy(arch) for arch in archs], jnp.float32)
        bad = jnp.asarray([tuple(arch) in self.failing for arch in archs.tolist()])
        return Scores(accuracy, jnp.where(bad, jnp.nan, 3.0 - accuracy))

    @staticmethod
    def accuracy(arch):
        return np.float32((np.dot(arch, [100, 10, 1]) % 7) / 7)


def cost(archs):
    return {"params": archs.sum(axis=1) * 10, "macs": archs.max(axis=1)}


def test_each_arch_is_scored_once():
    scorer = Scorer()
    evaluator = MemoisedEvaluator(scorer, cost)
    a, b, c, d = [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 2, 2]
    scores, fresh = evaluator(np.array([a, b, a, c]), 0)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, [Scorer.accuracy(x) for x in (a, b, a, c)])
    assert [list(one.arch) for one in fresh] == [a, b, c]
    scores, fresh = evaluator(np.array([c, d, a, d]), 1)
    np.testing.assert_array_equal(scores, [Scorer.accuracy(x) for x in (c, d, a, d)])
    assert [list(one.arch) for one in fresh] == [d]
    scores, fresh = evaluator(np.array([a, b, c, d]), 2)
    np.testing.assert_array_equal(scores, [Scorer.accuracy(x) for x in (a, b, c, d)])
    assert fresh == []
    # Always the compiled size, filled with repeats; no call where nothing is new.
    assert scorer.calls == [[a, b, c, a], [d, d, d, d]]


def test_history_is_numbered_and_complete():
    evaluator = MemoisedEvaluator(Scorer(), cost)
    evaluator(np.array([[0, 0, 1], [0, 0, 1], [0, 1, 2]]), 0)
    evaluator(np.array([[1, 2, 3], [0, 1, 2], [1, 2, 3]]), 4)
    assert [one.evaluation for one in evaluator.history] == [1, 2, 3]
    assert [one.generation for one in evaluator.history] == [0, 0, 4]
    last = evaluator.history[-1]
    accuracy = float(Scorer.accuracy([1, 2, 3]))
    assert last.arch == (1, 2, 3) and last.status == "ok"
    assert last.score == last.values["accuracy"] == accuracy
    assert last.values["loss"] == float(np.float32(3.0) - np.float32(accuracy))
    assert last.cost == {"params": 60, "macs": 3}
    assert all(type(value) is int for value in last.cost.values())


def test_failed_ones_stay_in_the_history_and_never_win():
    evaluator = MemoisedEvaluator(Scorer(failing={(6, 6, 6)}), cost)
    scores, fresh = evaluator(np.array([[6, 6, 6], [0, 0, 1]]), 0)
    assert scores[0] == -np.inf and np.isfinite(scores[1])
    assert [one.status for one in fresh] == ["non_finite", "ok"]
    assert math.isnan(fresh[0].values["loss"])
    row = json.loads(json.dumps(fresh[0].row(), allow_nan=False))
    assert row["score"] is None and row["values"]["loss"] is None
    back = Evaluation.from_row(row)
    assert back.score == -math.inf and math.isnan(back.values["loss"])
    assert (back.arch, back.status, back.cost) == (
        (6, 6, 6),
        "non_finite",
        fresh[0].cost,
    )
    # Not scored again.
    scores, fresh = evaluator(np.array([[6, 6, 6], [6, 6, 6]]), 1)
    assert fresh == [] and (scores == -np.inf).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_any_number_that_is_not_finite_is_a_failure(bad):
    for accuracy, loss in ((0.5, bad), (bad, 0.5)):
        evaluator = MemoisedEvaluator(
            lambda archs, a=accuracy, b=loss: Scores(jnp.array([a]), jnp.array([b])),
            cost,
        )
        scores, (found,) = evaluator(np.array([[0, 0, 1]]), 0)
        assert scores[0] == -np.inf and found.status == "non_finite"


def test_rows_come_back_from_json_exactly():
    rng = np.random.default_rng(0)
    values = rng.random((200, 2)).astype(np.float32)
    for number, (accuracy, loss) in enumerate(values, start=1):
        one = Evaluation(
            evaluation=number,
            generation=3,
            arch=(0, 15, number),
            score=float(accuracy),
            values={"accuracy": float(accuracy), "loss": float(loss)},
            cost={"params": 4_000_000_000, "macs": 7},
            status="ok",
        )
        back = Evaluation.from_row(json.loads(json.dumps(one.row())))
        assert back == one
        assert np.float32(back.score) == accuracy


def test_goes_on_from_a_history():
    first = MemoisedEvaluator(Scorer(failing={(2, 2, 2)}), cost)
    asked = np.array([[0, 0, 1], [0, 1, 2], [2, 2, 2]])
    expected, _ = first(asked, 0)
    rows = [json.loads(json.dumps(one.row())) for one in first.history]
    scorer = Scorer()
    second = MemoisedEvaluator(scorer, cost, map(Evaluation.from_row, rows))
    scores, fresh = second(asked, 0)
    np.testing.assert_array_equal(scores, expected)
    assert fresh == [] and scorer.calls == []
    _, (new,) = second(np.array([[0, 0, 1], [1, 2, 3], [0, 1, 2]]), 1)
    assert new.evaluation == 4
    assert [one.evaluation for one in second.history] == [1, 2, 3, 4]
