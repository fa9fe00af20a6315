"""Predictors on latencies whose truth is known, and on the public devices."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import BayesianRidge

from qnas_jax.errors import UserError
from qnas_jax.latency import learn_latency, read_samples
from qnas_jax.latency.regression import regress
from qnas_jax.spaces import CostTable, SearchSpace

SPACE = SearchSpace("toy", (("a", "b", "c"),) * 4 + (("a", "d"),))


def draw(count, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, SPACE.num_ops, (count, SPACE.num_layers))


def additive(seed):
    table = np.random.default_rng(seed).uniform(0.5, 3, (SPACE.num_layers, 3))
    table[-1, 2] = 0
    return CostTable({"latency_ms": table}, {"latency_ms": 2.5}, SPACE.num_ops)


def latency(table, archs):
    return table.cost(archs)["latency_ms"]


def test_sums_over_layers_are_found_exactly():
    truth = additive(0)
    archs, others = draw(60, 1), draw(200, 2)
    learnt = learn_latency(SPACE, archs, latency(truth, archs))
    np.testing.assert_allclose(learnt(others), latency(truth, others), rtol=1e-4)
    # The table differs from the true one by a constant a layer only.
    found, true = learnt.table.by_op["latency_ms"], truth.by_op["latency_ms"]
    for layer, count in enumerate(SPACE.num_ops):
        own = true[layer, :count]
        np.testing.assert_allclose(found[layer, :count], own - own.min(), atol=2e-3)
    assert (found.min(axis=1) == 0).all()


def test_the_table_and_the_regression_are_one():
    """Two ways to the same number, also through a reference."""
    archs = draw(40, 3)
    rng = np.random.default_rng(4)
    noisy = latency(additive(5), archs) + 0.1 * rng.standard_normal(40)
    other = learn_latency(SPACE, archs, latency(additive(6), archs))
    learnt = learn_latency(SPACE, archs[:9], noisy[:9], references=[other])
    wanted = draw(50, 7)
    np.testing.assert_allclose(
        learnt(wanted), learnt._by_features(wanted), rtol=1e-9, atol=1e-9
    )


def test_another_device_makes_up_for_samples():
    """The device is 3 times as slow as another one: six samples tell."""
    slow, archs, judged = additive(8), draw(80, 9), draw(300, 10)
    other = learn_latency(SPACE, archs, latency(slow, archs))
    few = archs[:6]
    guesses = [
        learn_latency(SPACE, few, 3 * latency(slow, few), references=references)(judged)
        for references in ((), (other,))
    ]
    true = 3 * latency(slow, judged)
    alone, helped = (stats.spearmanr(each, true).statistic for each in guesses)
    assert helped > 0.99 and helped > alone + 0.1


def test_pairs_of_ops_are_found_where_they_count():
    archs, judged = draw(300, 11), draw(300, 12)

    def truth(archs):
        both = (archs[:, 0] == 1) & (archs[:, 2] == 2)
        return latency(additive(13), archs) + 4.0 * both

    without, with_pairs = (
        learn_latency(SPACE, archs, truth(archs), pairs=pairs)
        for pairs in (False, True)
    )
    off = [np.abs(each(judged) - truth(judged)).max() for each in (without, with_pairs)]
    assert off[1] < 0.05 < 1 < off[0]
    with pytest.raises(UserError, match="a table is a sum over layers"):
        _ = with_pairs.table


def test_disturbed_measurements_bend_nothing():
    archs, judged, truth = draw(120, 14), draw(300, 15), additive(16)
    rng = np.random.default_rng(17)
    measured = latency(truth, archs) + 0.02 * rng.standard_normal(120)
    measured[rng.permutation(120)[:12]] += 20.0
    errors = [
        np.median(
            np.abs(
                learn_latency(SPACE, archs, measured, robust=robust)(judged)
                - latency(truth, judged)
            )
        )
        for robust in (True, False)
    ]
    assert errors[0] < 0.03 < 0.3 < errors[1]


def test_one_group_with_normal_noise_is_bayesian_ridge():
    """scikit-learn's fixed points of the evidence are another implementation."""
    rng = np.random.default_rng(18)
    features = rng.standard_normal((200, 12))
    targets = 40 + features @ rng.standard_normal(12) + 0.7 * rng.standard_normal(200)
    found = regress([features], targets, robust=False)
    other = BayesianRidge(max_iter=300, tol=1e-6).fit(features, targets)
    np.testing.assert_allclose(found.weights, other.coef_, atol=2e-3)
    assert found.offset == pytest.approx(other.intercept_, abs=2e-3)
    assert found.noise == pytest.approx(other.alpha_**-0.5, rel=0.01)


def test_what_is_refused():
    archs = draw(5, 19)
    with pytest.raises(UserError, match="expected one number an architecture"):
        learn_latency(SPACE, archs, np.ones(4))
    with pytest.raises(UserError, match="expected at least 2, all finite"):
        learn_latency(SPACE, archs, [1, 2, np.nan, 3, 4])
    with pytest.raises(UserError, match="expected at least 2, all finite"):
        learn_latency(SPACE, archs[:1], [1.0])
    with pytest.raises(UserError, match="expected 0 to 2"):
        learn_latency(SPACE, archs + 1, np.ones(5))


def test_equal_latencies_are_no_trouble():
    archs = draw(10, 20)
    learnt = learn_latency(SPACE, archs, np.full(10, 7.0))
    np.testing.assert_allclose(learnt(draw(5, 21)), 7.0, atol=1e-6)


@pytest.mark.parametrize(
    ("device", "least"),
    [("pixel3", 0.9999), ("raspi4", 0.9999), ("titan_rtx_64", 0.995)],
)
def test_fbnet_from_900_architectures(data_dir, device, least):
    samples = read_samples(data_dir / "latency_fbnet_ofa" / "fbnet.npz", "fbnet")
    true, archs = samples.latency_ms[device], samples.archs
    learnt = learn_latency(samples.space, archs[:900], true[:900])
    guess = learnt(archs[900:])
    assert stats.spearmanr(guess, true[900:]).statistic >= least
