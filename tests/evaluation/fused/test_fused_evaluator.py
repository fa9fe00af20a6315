"""The fused score of real networks: what it adds up, remembers and never depends on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qnas_jax.evaluation import (
    Evaluated,
    MemoisedEvaluator,
    ScoredBy,
    ScoreOf,
    finite_status,
)
from qnas_jax.evaluation.fused import (
    FusedEvaluator,
    FusedScore,
    TermEvaluator,
    draw_reference,
)
from qnas_jax.evaluation.proxies import make_proxy_scorer
from qnas_jax.nets import build_supernet
from qnas_jax.searching import make_strategy, scan_search
from qnas_jax.spaces import CellSpace
from qnas_jax.status import Status

KEY = jax.random.key(0)
NONE, SKIP, CONV = 0, 1, 3  # ops of NAS-Bench-201
ARCHS = np.asarray(
    [(CONV, CONV, CONV), (SKIP, SKIP, SKIP), (NONE, NONE, CONV), (CONV, NONE, CONV)],
    np.int32,
)


class Losses:
    """A supernet's metrics, by a formula."""

    score = ScoreOf("accuracy", larger_is_better=True)

    def __call__(self, key, archs, fidelities=None):
        loss = 2.0 - 0.1 * jnp.asarray(archs, jnp.float32).sum(axis=1)
        metrics = {"accuracy": jnp.exp(-loss), "loss": loss}
        return Evaluated(metrics, finite_status(metrics))


@pytest.fixture(scope="module")
def score_archs():
    """Real terms of the networks of one cell of three nodes."""
    images = jax.random.normal(KEY, (4, 4, 4, 1))
    space = CellSpace("one", (4, 4, 1), 3, num_nodes=3, features=2, stages=1, cells=1)
    names = ("synflow", "macs")
    return make_proxy_scorer(
        build_supernet(space), names, images, jnp.arange(4) % 3, KEY
    )


def make_terms(score_archs, calls=None):
    def counted(archs):
        if calls is not None:
            calls.append([tuple(arch) for arch in np.asarray(archs).tolist()])
        return score_archs(archs)

    return TermEvaluator(Losses(), counted, ("synflow", "macs"))


def test_each_architecture_is_measured_once(score_archs):
    calls = []
    terms = make_terms(score_archs, calls)
    found = terms(KEY, ARCHS).metrics
    again = terms(KEY, ARCHS[::-1]).metrics
    assert len(calls) == 1 and set(calls[0]) == set(map(tuple, ARCHS.tolist()))
    for name, values in found.items():
        np.testing.assert_array_equal(values, again[name][::-1])
    more = np.concatenate([ARCHS, [(SKIP, CONV, SKIP)]])
    terms(KEY, more)
    assert len(calls) == 2 and set(calls[1]) == {tuple(more[-1].tolist())}
    direct = score_archs(np.resize(ARCHS, (8, 3)))
    for name in ("synflow", "macs"):
        np.testing.assert_array_equal(found[name], direct[name][:4])
    assert found["synflow"][2] == -np.inf and np.isfinite(found["macs"]).all()


@pytest.fixture(scope="module")
def evaluator(score_archs):
    terms = make_terms(score_archs)
    sample = np.concatenate([ARCHS, draw_reference(KEY, (5, 5, 5), 12)])
    reference = terms(KEY, sample).metrics
    weights = {"loss": 2.0, "effects": 0.7, "synflow": 1.0, "macs": 0.5}
    score = FusedScore.with_effects(sample, (5, 5, 5), reference, weights)
    return FusedEvaluator(terms, score), sample


def test_it_is_the_weighted_sum_of_normal_scores(evaluator):
    fused, sample = evaluator
    found = fused(KEY, sample)
    total = np.zeros(len(sample))
    signed = {"loss": -2.0, "effects": 0.7, "synflow": 1.0, "macs": 0.5}
    for name, weight in signed.items():
        values = np.sign(weight) * np.asarray(found.metrics[name], np.float64)
        normal = stats.norm.ppf((stats.rankdata(values) - 0.375) / 16.25)
        total += abs(weight) * normal
    passes = np.isfinite(found.metrics["synflow"])
    assert 0 < passes.sum() < len(sample)
    np.testing.assert_allclose(found.metrics["fused"][passes], total[passes], atol=1e-4)
    assert set(found.metrics) == {*signed, "accuracy", "fused"}
    np.testing.assert_array_equal(found.metrics["effects"], fused.fused.effects(sample))


def test_a_cell_through_which_nothing_passes_comes_last(evaluator):
    fused, _ = evaluator
    found = fused(KEY, ARCHS)
    assert found.status.tolist() == [Status.OK, Status.OK, Status.NON_FINITE, Status.OK]
    memo = MemoisedEvaluator(fused, lambda archs: {})
    _, scores = memo(KEY, ARCHS)
    assert scores[2] == -np.inf and np.isfinite(np.delete(scores, 2)).all()
    assert memo.score == ("fused", True) and memo.history[2].status == "non_finite"
    assert memo.ties(ARCHS)[0] == -found.metrics["loss"][0]


def test_company_changes_nothing(evaluator):
    fused, sample = evaluator
    alone = [float(fused(KEY, arch[None]).metrics["fused"][0]) for arch in sample]
    np.testing.assert_array_equal(fused(KEY, sample).metrics["fused"], alone)


def test_it_is_monotone_in_every_feature():
    rng = np.random.default_rng(1)
    reference = {name: rng.normal(size=20) for name in ("loss", "a", "b")}
    score = FusedScore.of(reference, {"loss": 1.0, "a": 0.3, "b": 0.0})
    steps = np.linspace(-5, 5, 101).astype(np.float32)
    for name in reference:
        values = {other: np.zeros(101, np.float32) for other in reference}
        slope = np.diff(np.asarray(score({**values, name: steps})))
        sign = {"loss": -1, "a": 1, "b": 0}[name]
        assert (np.sign(slope) == sign).all()
    lost = {"loss": np.zeros(2), "a": np.zeros(2), "b": np.array([-np.inf, 0])}
    assert np.isfinite(np.asarray(score(lost))).all()  # b has no weight


def test_a_search_can_be_one_program(evaluator):
    fused, _ = evaluator
    strategy = make_strategy("random", (5, 5, 5), population=4, generations=2)
    state, trace = jax.jit(lambda key: scan_search(strategy, ScoredBy(fused), key, 2))(
        KEY
    )
    best = fused(KEY, np.asarray(state.best_arch)[None]).metrics["fused"][0]
    assert float(state.best_score) == pytest.approx(float(best), rel=1e-5)
    assert float(trace.best[-1]) == float(state.best_score)


def test_a_sample_is_drawn_once_each_and_all_of_a_small_space():
    drawn = draw_reference(KEY, (5, 3, 4), 30)
    assert drawn.shape == (30, 3) and len(np.unique(drawn, axis=0)) == 30
    assert (drawn < np.array([5, 3, 4])).all() and (drawn >= 0).all()
    np.testing.assert_array_equal(drawn, draw_reference(KEY, (5, 3, 4), 30))
    np.testing.assert_array_equal(drawn[:20], draw_reference(KEY, (5, 3, 4), 30)[:20])
    everything = draw_reference(KEY, (2, 3), 6)
    assert everything.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
