"""Learnt weights: against scikit-learn and SciPy, and what they do with noise."""

import itertools
import json

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.linear_model import Ridge, RidgeCV

from qnas_jax.evaluation.fused import calibrate, spread
from qnas_jax.evaluation.fused.calibration import (
    STRENGTHS,
    best_strength,
    pair_signs,
    ridge_weights,
    signs,
    tau_b,
)


def made_data(seed, weights=(1.0, 0.5, 0.2), noise=0.5, count=24):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, len(weights)))
    return rows, 3 + rows @ np.array(weights) + noise * rng.normal(size=count)


PRIOR = np.array([1.0, 2.0, 0.0])


def turned(rows):
    """Ridge with hardly any penalty along the prior: that coordinate is blown up.

    Returns the rows in a basis that begins with the prior, and the way back of weights.
    """
    first = PRIOR / np.linalg.norm(PRIOR)
    basis = np.linalg.qr(np.column_stack([first, np.eye(3)[:, 0], np.eye(3)[:, 2]]))[0]
    basis = basis * np.array([1e4, 1, 1])
    return rows @ basis, basis


@pytest.mark.parametrize(("seed", "noise"), [(0, 0.2), (1, 1.0), (2, 4.0)])
def test_the_strength_is_that_of_scikit_learn(seed, noise):
    rows, target = made_data(seed, noise=noise)
    peer = RidgeCV(alphas=STRENGTHS).fit(turned(rows)[0], target)
    assert best_strength(rows, target, PRIOR) == pytest.approx(peer.alpha_)


def test_leave_one_out_by_hand():
    """The closed form against fits that leave out each network in turn."""
    rows, target = made_data(3, noise=1.5)
    errors = []
    for strength in STRENGTHS:
        left_out = []
        for place in range(len(target)):
            others = np.delete(np.arange(len(target)), place)
            known = np.zeros((len(others) + 3, 5))  # weights, constant, scale
            known[: len(others), :3], known[: len(others), 3] = rows[others], 1
            known[len(others) :, :3] = np.sqrt(strength) * np.eye(3)
            known[len(others) :, 4] = -np.sqrt(strength) * PRIOR
            wanted = np.concatenate([target[others], np.zeros(3)])
            fit = np.linalg.lstsq(known, wanted)[0]
            left_out.append(target[place] - rows[place] @ fit[:3] - fit[3])
        errors.append(np.mean(np.square(left_out)))
    assert best_strength(rows, target, PRIOR) == STRENGTHS[int(np.argmin(errors))]


@pytest.mark.parametrize("strength", [0.1, 10.0, 1000.0])
def test_weights_are_those_of_ridge_where_none_is_negative(strength):
    rows, target = made_data(4, noise=0.1, count=60)
    other, back = turned(rows)
    expected = back @ Ridge(alpha=strength, tol=1e-12).fit(other, target).coef_
    assert (expected > 0).all()
    found = ridge_weights(rows, target, PRIOR, strength)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_weights_with_a_bound_against_a_general_minimiser():
    rows, target = made_data(5, weights=(1.0, -0.8, 0.3))
    centred, deviation = rows - rows.mean(axis=0), target - target.mean()

    def loss(unknown):
        weights, scale = unknown[:3], unknown[3]
        penalty = np.sum((weights - scale * PRIOR) ** 2)
        return np.sum((deviation - centred @ weights) ** 2) + 2.0 * penalty

    peer = optimize.minimize(loss, np.ones(4), bounds=[(0, None)] * 4)
    found = ridge_weights(rows, target, PRIOR, 2.0)
    assert found[1] == 0 and found[0] > 0
    np.testing.assert_allclose(found, peer.x[:3], atol=1e-4)


def test_a_strong_penalty_leaves_the_configured_weights():
    rows, target = made_data(6)
    found = ridge_weights(rows, target, PRIOR, 1e9)
    np.testing.assert_allclose(found / found.sum(), PRIOR / 3, atol=1e-5)


def test_tau_is_that_of_scipy():
    rng = np.random.default_rng(7)
    left, right = rng.integers(0, 6, 30), rng.normal(size=30)
    expected = stats.kendalltau(left, right).statistic
    assert tau_b(signs(left), signs(right)) == pytest.approx(expected)
    assert tau_b(signs(np.zeros(5)), signs(np.arange(5))) == 0


def test_pairs_are_judged_by_all_others():
    rows, target = made_data(8, noise=2.0, count=9)
    found = pair_signs(rows, target, PRIOR)
    np.testing.assert_array_equal(found, -found.T)
    compared = 0
    for first, second in itertools.combinations(range(9), 2):
        others = [place for place in range(9) if place not in (first, second)]
        other, back = turned(rows[others])
        alpha = RidgeCV(alphas=STRENGTHS).fit(other, target[others]).alpha_
        peer = back @ Ridge(alpha=alpha).fit(other, target[others]).coef_
        difference = (rows[first] - rows[second]) @ peer
        if (peer > 0).all() and abs(difference) > 1e-6:
            assert found[first, second] == np.sign(difference)
            compared += 1
    assert compared > 5


def test_cross_validation_does_not_flatter_noise():
    """Without anything to learn tau is 0 on average, neither above nor below."""
    taus = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rows, target = rng.normal(size=(12, 3)), rng.normal(size=12)
        taus.append(tau_b(pair_signs(rows, target, PRIOR), signs(target)))
    error = np.std(taus) / np.sqrt(len(taus))
    assert abs(np.mean(taus)) < 3 * error < 0.25


def test_a_feature_that_counts_more_gets_more():
    rng = np.random.default_rng(9)
    good, weak, none = rng.normal(size=(3, 32))
    target = np.exp(3 * good + weak + 0.3 * rng.normal(size=32))  # by ranks only
    features = {"good": good, "weak": weak, "none": none}
    learnt = calibrate(features, dict.fromkeys(features, 1.0), target)
    assert learnt.weights["good"] > 2 * learnt.weights["weak"] > 0
    assert sum(learnt.weights.values()) == pytest.approx(1)
    assert learnt.is_better and learnt.tau > learnt.tau_of_sum
    for name, values in features.items():
        expected = stats.kendalltau(values, target).statistic
        assert learnt.tau_of[name] == pytest.approx(expected)
    lines = learnt.lines("validation accuracy")
    assert lines[1].startswith("calibrated weights (used): 0.")
    assert f"{learnt.tau:.3f} calibrated (cross-validated)" in lines[0]
    json.dumps(learnt.weights)


def test_nothing_to_learn_leaves_the_sum():
    features = {"a": np.zeros(8), "b": -np.arange(8.0)}
    learnt = calibrate(features, {"a": 1.0}, np.arange(8.0))
    assert learnt.weights == {"a": 0, "b": 0} and learnt.tau == 0
    assert not learnt.is_better and learnt.tau_of_sum == 0
    assert learnt.tau_of == {"a": 0, "b": pytest.approx(-1)}
    assert "not used, the sum is" in learnt.lines("loss")[1]


def test_networks_are_spread_over_the_order():
    scores = np.array([5.0, -np.inf, 1.0, 4.0, 2.0, 3.0, 0.0])
    assert scores[spread(scores, 3)].tolist() == [1, 3, 5]
    assert scores[spread(scores, 2)].tolist() == [1, 4]
    assert sorted(spread(scores, 99).tolist()) == [0, 2, 3, 4, 5, 6]
