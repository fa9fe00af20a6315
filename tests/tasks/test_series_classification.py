"""Series as a task: what networks see of them, and what data are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import Dataset, channel_statistics, image_split, series_split
from qnas_jax.data.series_augment import (
    SeriesAugmentation,
    SeriesDraw,
    apply_series,
    draw_series,
)
from qnas_jax.errors import UserError
from qnas_jax.options import OptionError
from qnas_jax.tasks import SeriesTraining, TaskOptions, make_task

RNG = np.random.default_rng(0)
VALUES = (RNG.normal(size=(12, 8, 2)) * [3, 0.1] + [5, -1]).astype(np.float32)
LABELS = (np.arange(12) % 3).astype(np.int32)
GAPS = VALUES.copy()
GAPS[0, 3, 1] = np.nan
GAPS[1, 5:] = np.nan


def dataset(series, other=VALUES):
    split, rest = series_split(series, LABELS), series_split(other, LABELS)
    return Dataset("mine", split, rest, rest, ("a", "b", "c"))


def test_channels_have_no_mean_and_unit_deviation():
    task = make_task(TaskOptions(), dataset(VALUES))
    assert (task.input_shape, task.num_outputs) == ((8, 2), 3)
    assert list(task.metrics) == ["accuracy", "loss", "balanced_accuracy", "macro_f1"]
    prepared = task.prepare(jnp.asarray(VALUES))
    np.testing.assert_allclose(prepared.mean((0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(prepared.std((0, 1)), 1, rtol=1e-5)


def test_gaps_are_the_mean_and_are_told():
    mean, std = channel_statistics(GAPS)
    np.testing.assert_allclose(mean, np.nanmean(GAPS, (0, 1)), rtol=1e-6)
    np.testing.assert_allclose(std, np.nanstd(GAPS, (0, 1)), rtol=1e-6)
    task = make_task(TaskOptions(), dataset(GAPS))
    assert task.input_shape == (8, 3)
    prepared = np.asarray(task.prepare(jnp.asarray(GAPS)))
    missing = np.isnan(GAPS)
    assert (prepared[..., :2][missing] == 0).all() and np.isfinite(prepared).all()
    np.testing.assert_array_equal(prepared[..., 2], ~missing.all(axis=-1))
    there = ((GAPS - mean) / std)[~missing]
    np.testing.assert_allclose(prepared[..., :2][~missing], there, rtol=1e-5)
    # A gap in another split is enough.
    assert make_task(TaskOptions(), dataset(VALUES, GAPS)).input_shape == (8, 3)


def test_augmentation_by_given_choices():
    series = jnp.float32([[1], [2], [3], [np.nan]])
    noise = jnp.float32([[0.5], [0], [-1], [2]])

    def run(moved, **options):
        choice = SeriesDraw(jnp.int32(moved), jnp.float32([2]), noise)
        return apply_series(choice, series, SeriesAugmentation(**options)).ravel()

    np.testing.assert_array_equal(run(0), series.ravel())
    np.testing.assert_array_equal(run(2, shift=2), [1, 1, 1, 2])
    np.testing.assert_array_equal(run(-1, shift=2), [2, 3, np.nan, np.nan])
    np.testing.assert_array_equal(run(0, scaling=0.1), [2, 4, 6, np.nan])
    np.testing.assert_allclose(run(0, jitter=2.0), [2, 2, 1, np.nan])
    draws = jax.vmap(lambda key: draw_series(key, 4, 1, SeriesAugmentation(2, 0.5)))(
        jax.random.split(jax.random.key(0), 500)
    )
    assert set(np.unique(draws.shift).tolist()) == {-2, -1, 0, 1, 2}
    assert abs(draws.factor.std() - 0.5) < 0.05 and abs(draws.factor.mean() - 1) < 0.1
    assert abs(draws.noise.std() - 1) < 0.05


def test_training_series_are_changed_within_their_gaps():
    task = make_task(TaskOptions(), dataset(GAPS))
    series, key = jnp.asarray(GAPS), jax.random.key(1)
    plain = np.asarray(task.prepare(series))
    np.testing.assert_array_equal(task.augment(key, series), plain)
    changed = task.with_options(SeriesTraining(jitter=0.5, scaling=0.1))
    found = np.asarray(jax.jit(lambda task: task.augment(key, series))(changed))
    np.testing.assert_array_equal(found[..., 2], plain[..., 2])
    missing = np.isnan(GAPS)
    assert (found[..., :2][missing] == 0).all()
    assert (found[..., :2] != plain[..., :2])[~missing].all()
    moved = task.with_options(SeriesTraining(shift=3)).augment(key, series)
    assert (np.asarray(moved) != plain).any()


def test_what_does_not_fit_is_refused():
    blank = np.full_like(VALUES, 7)
    with pytest.raises(
        UserError, match="mine: all values of the training series are 7"
    ):
        make_task(TaskOptions(), dataset(blank))
    half = VALUES.copy()
    half[..., 1] = 0.1
    task = make_task(TaskOptions(), dataset(half))
    np.testing.assert_allclose(task.prepare(jnp.asarray(half))[..., 1], 0, atol=1e-6)
    with pytest.raises(
        OptionError,
        match="name: got 'image_classification', allowed: "
        "auto or series_classification for the series of mine",
    ):
        make_task(TaskOptions(name="image_classification"), dataset(VALUES))
    split = image_split(np.zeros((3, 2, 2, 1), np.uint8), np.arange(3, dtype=np.int32))
    images = Dataset("mine", split, split, split, ("a", "b", "c"))
    with pytest.raises(
        OptionError, match="auto or image_classification for the images"
    ):
        make_task(TaskOptions(name="series_classification"), images)


def test_the_source_says_the_task():
    for source, name in (("digits", "image"), ("ucr", "series"), ("series", "series")):
        assert TaskOptions().for_source(source).name == f"{name}_classification"
    with pytest.raises(OptionError, match="name: got 'series_classification', allowed"):
        TaskOptions(name="series_classification").for_source("digits")
