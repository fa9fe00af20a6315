"""The ensemble against NumPy; candidates, Thompson sampling, duplicates."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.searching.history import among, empty_history, record
from qnas_jax.searching.models.ensemble import (
    EnsembleSizes,
    initial_ensemble,
    predict,
    train_ensemble,
)
from qnas_jax.searching.models.predictor import (
    PredictorOptions,
    first_of_equals,
    mutants,
    predictor,
)

NUM_OPS = (3, 2, 4)
SMALL = EnsembleSizes(members=3, hidden_units=4, fit_steps=1, fit_batch=64)


def indicators(archs):
    """One-hot rows [C, 12], an op and a layer at a time."""
    rows = np.zeros((len(archs), 12))
    for row, arch in zip(rows, np.asarray(archs), strict=True):
        for layer, op in enumerate(arch):
            row[4 * layer + op] = 1
    return rows


def forward(weights, rows):
    """Two hidden layers in NumPy; weights of one member."""
    first, first_bias, second, second_bias, last, last_bias = weights
    hidden = np.maximum(rows @ first + first_bias, 0)
    hidden = np.maximum(hidden @ second + second_bias, 0)
    return hidden @ last + last_bias


def weights_of(ensemble, member):
    leaves = (
        ensemble.first,
        ensemble.first_bias,
        ensemble.second,
        ensemble.second_bias,
        ensemble.last,
        ensemble.last_bias,
    )
    return [np.asarray(leaf[member], float) for leaf in leaves]


def some_archs(count, seed=0):
    return np.random.default_rng(seed).integers(NUM_OPS, size=(count, 3))


def test_predictions_are_those_of_numpy():
    archs = some_archs(7)
    ensemble = initial_ensemble(jax.random.key(0), NUM_OPS, SMALL)
    found = predict(ensemble, jnp.asarray(archs), NUM_OPS)
    for member in range(3):
        expected = forward(weights_of(ensemble, member), indicators(archs))
        np.testing.assert_allclose(found[member], expected, rtol=1e-5, atol=1e-6)


def test_the_first_step_of_adam_goes_down_the_slope():
    """It moves each weight by the learning rate, but where the slope is tiny."""
    arch, target = some_archs(1), 5.0
    key = jax.random.key(1)
    before = initial_ensemble(jax.random.split(key)[0], NUM_OPS, SMALL)
    after = train_ensemble(
        key,
        jnp.asarray(arch),
        jnp.array([target]),
        jnp.ones(1, bool),
        NUM_OPS,
        SMALL,
        learning_rate=0.01,
    )
    rows = indicators(arch)
    for member in range(3):
        old, new = weights_of(before, member), weights_of(after, member)
        for place, values in enumerate(old):
            for index in np.ndindex(values.shape):
                moved = [array.copy() for array in old]
                moved[place][index] += 1e-5
                slope = (
                    abs(forward(moved, rows) - target)
                    - abs(forward(old, rows) - target)
                )[0] / 1e-5
                step = new[place][index] - values[index]
                expected = -0.01 * slope / (abs(slope) + 1e-4)
                assert step == pytest.approx(expected, abs=1e-4)


def test_training_learns_an_interaction():
    options = EnsembleSizes(members=3, fit_steps=300)
    archs = np.array(list(np.ndindex(NUM_OPS)))
    values = np.where(archs[:, 1] == 1, archs[:, 0], -archs[:, 2]).astype(np.float32)
    values = (values - values.mean()) / values.std()

    @jax.jit
    def learnt(archs, values):
        key, known = jax.random.key(2), jnp.ones(24, bool)
        ensemble = train_ensemble(
            key, archs, values, known, NUM_OPS, options, learning_rate=0.01
        )
        return predict(ensemble, archs, NUM_OPS)

    found = np.mean(learnt(archs, values), axis=0)
    assert np.mean(np.square(found - values)) < 0.05


def test_rows_that_are_not_known_have_no_influence():
    known = jnp.arange(20) % 3 == 0
    archs = some_archs(20)
    targets = np.random.default_rng(1).normal(size=20).astype(np.float32)
    other_archs = np.where(known[:, None], archs, -1)
    other_targets = np.where(known, targets, 7.0)
    options = EnsembleSizes(members=2, fit_steps=5)

    @jax.jit
    def trained(archs, targets):
        key = jax.random.key(3)
        return train_ensemble(
            key, archs, targets, known, NUM_OPS, options, learning_rate=0.01
        )

    fits = [trained(archs, targets), trained(other_archs, other_targets)]
    jax.tree.map(np.testing.assert_array_equal, *fits)


def test_mutants_are_near_the_best():
    archs = some_archs(6)
    scores = jnp.array([0.1, 0.9, jnp.nan, 0.8, 0.3, -jnp.inf])
    scores = jnp.where(jnp.isfinite(scores), scores, -jnp.inf)
    history = record(empty_history(10, 3), jnp.asarray(archs), scores)
    options = PredictorOptions(candidates=60, mutated_best=2)
    propose = jax.jit(lambda key: mutants(key, history, NUM_OPS, options))
    found = np.asarray(propose(jax.random.key(4)))
    parents = archs[[1, 3]][np.arange(60) % 2]
    changed = (found != parents).sum(axis=1)
    # A second mutation of the same layer may undo the first.
    assert changed.max() == 2 and np.mean(changed == 1) > 0.4
    assert np.all(found < np.array(NUM_OPS)) and np.all(found >= 0)


def test_equal_archs_are_found_out():
    archs = jnp.array([[1, 0], [0, 1], [1, 0], [0, 1], [2, 2]])
    np.testing.assert_array_equal(
        first_of_equals(archs), [True, True, False, False, True]
    )


def make(options, population=4, initial=3):
    return predictor(
        (5,) * 4,
        population=population,
        generations=10,
        options=dataclasses.replace(
            options, memory=40, initial=initial, targets="standard"
        ),
    )


def test_it_asks_for_the_highest_predictions():
    """One member has no spread, so its draws are its predictions."""
    options = PredictorOptions(
        members=1, candidates=30, random_candidates=0, fit_steps=20
    )
    strategy = make(options)
    archs = np.random.default_rng(2).integers(5, size=(4, 4))
    state = jax.jit(strategy.init)(jax.random.key(5))
    state = jax.jit(strategy.tell)(state, jnp.asarray(archs), jnp.arange(4.0))
    key = jax.random.key(6)
    asked = jax.jit(strategy.ask)(key, state)
    propose = jax.jit(lambda key: mutants(key, state.history, (5,) * 4, options))
    every = propose(jax.random.split(key, 4)[0])
    fresh = {tuple(arch) for arch in every.tolist()} - set(map(tuple, archs.tolist()))
    fresh = np.array(sorted(fresh))
    values = np.asarray(predict(state.ensemble, jnp.asarray(fresh), (5,) * 4))[0]
    expected = fresh[np.argsort(-values)[:4]]
    np.testing.assert_array_equal(asked, expected)


def test_nothing_is_asked_for_twice_while_there_is_a_choice():
    strategy = make(PredictorOptions(members=3, fit_steps=50), population=5)
    ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
    state, key, seen = jax.jit(strategy.init)(jax.random.key(7)), jax.random.key(8), []
    for _ in range(8):
        key, ask_key = jax.random.split(key)
        archs = ask(ask_key, state)
        if len(seen) >= 2:  # The first two are random.
            assert not np.any(among(archs, state.history.archs))
            assert len(np.unique(archs, axis=0)) == 5
        seen.append(archs)
        state = tell(state, archs, jnp.sum(archs, axis=1, dtype=jnp.float32))
    assert float(jnp.max(state.history.scores)) == 16  # The optimum.


def test_the_number_of_candidates_is_checked():
    with pytest.raises(ValueError, match="candidates: got 3, expected at least the p"):
        make(PredictorOptions(candidates=3))
