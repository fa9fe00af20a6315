"""Classifiers of series against loops by hand and the archive's own errors."""

import itertools

import numpy as np
import pytest

from experiments.comparisons.series.classifiers import EUCLIDEAN, official_splits
from qnas_jax.baselines import CLASSIFIERS
from qnas_jax.baselines.dtw import dtw_distances
from qnas_jax.baselines.rocket import draw_kernels, features, fit_rocket

FEW = ("BME", "Beef", "Coffee", "ECG200", "SmoothSubspace", "Wine")


def error(name, data_dir, data):
    (series, labels), (others, truth) = official_splits(data_dir / "ucr", data)
    predict = CLASSIFIERS[name].fit(series, labels, np.random.default_rng(0))
    return np.mean(predict(others) != truth)


def test_errors_of_the_archive(data_dir):
    for data in FEW:
        found = round(error("euclidean_1nn", data_dir, data), 4)
        assert found == EUCLIDEAN[data], data


def warped(first, second):
    """The table of dynamic time warping, entry by entry."""
    table = np.full((len(first) + 1, len(second) + 1), np.inf)
    table[0, 0] = 0
    for i, j in itertools.product(range(len(first)), range(len(second))):
        cost = float(((first[i] - second[j]) ** 2).sum())
        table[i + 1, j + 1] = cost + min(table[i, j], table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


def test_warping_by_hand():
    ramp, late = np.float32([0, 1, 2, 2]), np.float32([0, 0, 1, 3])
    found = dtw_distances(ramp[None, :, None], late[None, :, None])
    # 0-0, 0-0, 1-1, then both 2 meet the 3.
    np.testing.assert_allclose(found, [[2.0]])
    assert dtw_distances(ramp[None, :, None], ramp[None, :1, None]) == 9.0


@pytest.mark.parametrize("channels", [1, 3])
def test_warping_equals_a_loop(channels):
    rng = np.random.default_rng(channels)
    first = rng.normal(size=(7, 11, channels)).astype(np.float32)
    second = rng.normal(size=(23, 6, channels)).astype(np.float32)
    first_lengths = rng.integers(1, 12, 7)
    for one, length in zip(first, first_lengths, strict=True):
        one[length:] = np.nan
    second[3, 2, 0] = np.nan  # missing, not the end
    second[5, -1] = np.nan
    filled = np.nan_to_num(second)
    expected = [
        [
            warped(one[:length], each[: 5 if number == 5 else 6])
            for number, each in enumerate(filled)
        ]
        for one, length in zip(first, first_lengths, strict=True)
    ]
    np.testing.assert_allclose(dtw_distances(first, second), expected, rtol=1e-5)


def responses(series, kernel):
    """Responses of one kernel to one series [T, C], tap by tap."""
    length, channels = kernel.weights.shape
    span = (length - 1) * kernel.dilation
    found = []
    for start in range(-kernel.padding, len(series) + kernel.padding - span):
        total = kernel.bias
        for tap, channel in itertools.product(range(length), range(channels)):
            step = start + tap * kernel.dilation
            if 0 <= step < len(series):
                total += kernel.weights[tap, channel] * series[step, channel]
        found.append(total)
    return np.array(found)


@pytest.mark.parametrize(("steps", "channels"), [(40, 1), (23, 3), (5, 2)])
def test_random_convolutions_equal_a_loop(steps, channels):
    rng = np.random.default_rng(steps)
    kernels = draw_kernels(rng, 12, steps, channels)
    series = rng.normal(size=(3, steps, channels)).astype(np.float32)
    found = features(series, kernels)
    for one, row in zip(series, found, strict=True):
        each = [responses(one, kernel) for kernel in kernels]
        np.testing.assert_allclose(row[:12], [(r > 0).mean() for r in each], atol=1e-6)
        np.testing.assert_allclose(row[12:], [r.max() for r in each], rtol=2e-5)


def test_kernels_are_drawn_as_published():
    kernels = draw_kernels(np.random.default_rng(1), 3000, 100, 4)
    lengths = np.array([len(kernel.weights) for kernel in kernels])
    for length in (7, 9, 11):
        assert abs(np.mean(lengths == length) - 1 / 3) < 0.04
    spans = (lengths - 1) * [kernel.dilation for kernel in kernels]
    assert spans.max() <= 99 and np.median([k.dilation for k in kernels]) <= 4
    padded = [kernel for kernel in kernels if kernel.padding]
    assert abs(len(padded) / 3000 - 0.5) < 0.04
    assert all(2 * k.padding == (len(k.weights) - 1) * k.dilation for k in padded)
    biases = np.array([kernel.bias for kernel in kernels])
    assert -1 <= biases.min() < -0.99 and 0.99 < biases.max() < 1
    for kernel in kernels[:50]:
        np.testing.assert_allclose(kernel.weights.sum(axis=0), 0, atol=1e-5)
    seen = np.array([(k.weights != 0).any(axis=0).sum() for k in kernels])
    assert set(seen) == {1, 2, 3, 4}
    which = sum((kernel.weights != 0).any(axis=0) for kernel in kernels)
    assert which.min() > 0.9 * which.max()


def waves(rng, count):
    """Series of three frequencies, of unequal lengths and with a hole, and labels."""
    labels = np.arange(count) % 3
    time = np.linspace(0, 1, 30)[None] * (2.0 + 3.0 * labels[:, None])
    series = np.sin(2 * np.pi * (time + 0.1 * rng.random((count, 1))))
    series = np.stack([series, 0.2 * rng.normal(size=series.shape)], axis=2)
    series[::4, 27:] = np.nan
    series[1, 5, 0] = np.nan
    return series.astype(np.float32), labels


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_learns_and_keeps_to_its_seed(name):
    rng = np.random.default_rng(0)
    (series, labels), (others, truth) = waves(rng, 24), waves(rng, 15)
    first, again = (
        CLASSIFIERS[name].fit(series, labels, np.random.default_rng(5))
        for _ in range(2)
    )
    found = first(others)
    np.testing.assert_array_equal(found, again(others))
    assert found.shape == truth.shape and np.mean(found == truth) >= 0.8
    # Each series is classified by itself.
    np.testing.assert_array_equal(found[4:6], first(others[4:6]))
    np.testing.assert_array_equal(first(series), labels)


def test_the_linear_classifier_beats_neighbours_on_real_series(data_dir):
    (series, labels), (others, truth) = official_splits(data_dir / "ucr", "ECG200")
    predict = fit_rocket(series, labels, np.random.default_rng(0), count=1000)
    assert np.mean(predict(others) == truth) > 0.88
