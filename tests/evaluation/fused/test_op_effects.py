"""Main effects of ops: by hand, and beside scikit-learn."""

import numpy as np
import pytest

from qnas_jax.evaluation.fused.op_effects import OpEffects, one_hot

NUM_OPS = (2, 3)
ALL = np.asarray(list(np.ndindex(*NUM_OPS)), np.int32)


def test_an_additive_score_is_found_by_hand():
    own = [np.array([-1.0, 1.0]), np.array([-0.5, 0.0, 0.5])]  # means 0
    scores = own[0][ALL[:, 0]] + own[1][ALL[:, 1]]
    archs = np.tile(ALL, (50, 1))  # the penalty is nothing beside 300 rows
    effects = OpEffects.of(archs, NUM_OPS, np.tile(scores, 50))
    np.testing.assert_allclose(effects.effects[0, :2], own[0], atol=2e-3)
    np.testing.assert_allclose(effects.effects[1], own[1], atol=2e-3)
    assert effects.effects[0, 2] == 0  # the first layer has no third op
    np.testing.assert_allclose(effects(ALL), scores, atol=4e-3)


def test_an_interaction_leaves_no_effect():
    signs = np.where(ALL[:, 0] == 1, 1, -1) * (ALL[:, 1] - 1.0)
    effects = OpEffects.of(ALL, NUM_OPS, signs)
    np.testing.assert_allclose(effects(ALL), 0, atol=1e-6)


def test_as_ridge_regression_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    num_ops = (3, 4, 2, 5)
    archs = rng.integers(0, num_ops, (60, 4)).astype(np.int32)
    scores = rng.normal(size=60) + archs @ [0.5, -0.2, 0.0, 0.3]
    strengths = [10.0 ** (power / 2) for power in range(-2, 5)]
    other = linear_model.RidgeCV(strengths).fit(one_hot(archs, num_ops), scores)
    asked = rng.integers(0, num_ops, (20, 4)).astype(np.int32)
    want = other.predict(one_hot(asked, num_ops)) - scores.mean()
    got = np.asarray(OpEffects.of(archs, num_ops, scores)(asked))
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_noise_of_single_architectures_is_averaged_out():
    rng = np.random.default_rng(1)
    num_ops = (3,) * 8
    archs = rng.integers(0, 3, (256, 8)).astype(np.int32)
    true = archs @ rng.uniform(0.2, 1, 8)
    noisy = true + rng.normal(size=256) * true.std()
    found = np.asarray(OpEffects.of(archs, num_ops, noisy)(archs))
    assert np.corrcoef(noisy, true)[0, 1] < 0.8 < 0.95 < np.corrcoef(found, true)[0, 1]


def test_scores_that_are_not_finite_teach_nothing():
    scores = np.array([0.0, 1, 2, 1, 2, -np.inf])
    effects = OpEffects.of(ALL, NUM_OPS, scores)
    kept = OpEffects.of(ALL[:5], NUM_OPS, scores[:5])
    np.testing.assert_array_equal(effects.effects, kept.effects)
    assert not OpEffects.of(ALL, NUM_OPS, np.full(6, -np.inf)).effects.any()
