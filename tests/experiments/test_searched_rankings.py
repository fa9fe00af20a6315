"""Searches of recorded scores: what is found is looked up in the truth."""

import numpy as np
import pytest

from experiments.comparisons import searched_rankings
from qnas_jax.errors import UserError
from qnas_jax.evaluation import TRUTHS
from qnas_jax.evaluation.tables.positions import archs_at, index_of
from qnas_jax.spaces import SearchSpace

SPACE = SearchSpace("little", (("a", "b", "c"),) * 4)


def test_a_good_score_finds_the_truly_best_and_a_bad_one_the_worst():
    truth = np.random.default_rng(0).random(81)
    scores = {"same": truth.copy(), "turned": -truth}
    scores["same"][truth.argmin()] = -np.inf
    rows = list(searched_rankings.run(SPACE, scores, truth, evaluations=120, seeds=3))
    found = {(row["score"], row["search"]): row for row in rows}
    default = searched_rankings.REFERENCE
    assert found["same", "all scored"]["true accuracy %"] == 100 * truth.max()
    assert found["turned", "all scored"]["true accuracy %"] == 100 * truth.min()
    assert found["same", default]["worse %"] > 97
    assert found["same", default]["searches"] == 3
    assert found["turned", default]["worse %"] < 2
    assert found["same", "random"]["worse %"] > 90


def test_scores_come_by_position(monkeypatch):
    order = np.random.default_rng(1).permutation(81)
    archs = archs_at(SPACE, order)
    truth = np.arange(81) / 100
    monkeypatch.setitem(TRUTHS, "little", lambda folder: (archs, truth))
    monkeypatch.setitem(searched_rankings.SPACES, "little", SPACE)
    metrics = {"loss": (1 - truth).tolist(), "synflow": [None, *truth[1:].tolist()]}
    ranking = {"space": "little", "num_archs": 81, "metrics": metrics}
    space, scores, found = searched_rankings.load_scores(ranking, "")
    at = index_of(space, archs)
    np.testing.assert_array_equal(found[at], truth)
    np.testing.assert_allclose(scores["loss"][at], truth - 1)
    assert np.isnan(scores["synflow"][at[0]])
    with pytest.raises(UserError, match="scores: got fused, expected of loss, synflow"):
        searched_rankings.load_scores(ranking, "", ["fused"])
    ranking["num_archs"] = 80
    with pytest.raises(UserError, match=r"got 80 architectures, expected all 81"):
        searched_rankings.load_scores(ranking, "")
