"""Optuna's samplers: the space, seeds, failures, and that they learn."""

import numpy as np
import pytest

from experiments.peers.optuna_samplers import (
    SAMPLERS,
    OptunaPeer,
    optuna_search,
    optuna_searches,
)

NUM_OPS = (4, 1, 3, 5)


def by_weights(archs):
    return archs @ np.array([1.0, 0, -0.5, 0.2])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_seed_determines_the_search(sampler):
    first, again, other = (
        optuna_search(NUM_OPS, sampler, by_weights, 30, seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], by_weights(first[0]))
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (30, 4) and first[0].dtype == np.int32
    assert np.all((first[0] >= 0) & (first[0] < np.array(NUM_OPS)))


@pytest.mark.parametrize(("sampler", "evaluations"), [("tpe", 60), ("nsga2", 120)])
def test_late_archs_are_better_than_early_ones(sampler, evaluations):
    runs = [
        optuna_search((4,) * 6, sampler, lambda a: a.sum(axis=1), evaluations, seed)
        for seed in range(3)
    ]
    scores = np.array([scores for _, scores in runs])
    # Random archs have mean 9 and standard deviation 2.7.
    assert scores[:, :10].mean() < 11.0 < scores[:, -20:].mean()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_failures_are_told_as_such(sampler):
    def fail_often(archs):
        return np.where(archs[:, 0] > 0, np.nan, by_weights(archs))

    archs, scores = optuna_search(NUM_OPS, sampler, fail_often, 25, 0, batch=10)
    np.testing.assert_array_equal(np.isfinite(scores), archs[:, 0] == 0)
    assert np.isfinite(scores).any() and len(scores) == 25


def test_the_sampler_is_checked():
    with pytest.raises(ValueError, match="sampler: got 'cma', expected one of tpe, n"):
        OptunaPeer(NUM_OPS, "cma", 0)


def test_studies_in_processes_are_those_of_one_process():
    values = np.random.default_rng(0).random((3, 2, 4))
    archs, scores = optuna_searches(values, "tpe", 15, [0, 1, 2])
    for seed in range(3):
        alone = optuna_search(
            values.shape, "tpe", lambda a: values[tuple(a.T)], 15, seed
        )
        np.testing.assert_array_equal(archs[seed], alone[0])
        np.testing.assert_array_equal(scores[seed], alone[1])
