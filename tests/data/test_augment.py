import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qnas_jax.data import Augmentation, augment, normalise
from qnas_jax.data.augment import Draw, apply, draw

MEAN = np.array([0.49, 0.48, 0.45], np.float32)
STD = np.array([0.25, 0.24, 0.26], np.float32)
FULL = Augmentation(crop_padding=4, flip=True, cutout=5)


def random_images(num, height, width, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (num, height, width, channels), dtype=np.uint8)


def apply_by_pixel(image, crop, flip, centre, augmentation):
    """One pixel after the other, straight from the definitions."""
    height, width, channels = image.shape
    padding, side = augmentation.crop_padding, augmentation.cutout
    top, left = (centre[0] - side // 2, centre[1] - side // 2)
    result = np.zeros(image.shape, np.float64)
    for row in range(height):
        for column in range(width):
            in_square = (
                top <= row < top + side and left <= column < left + side and side > 0
            )
            if in_square:
                continue
            y = row + crop[0] - padding
            x = (width - 1 - column if flip else column) + crop[1] - padding
            outside = not (0 <= y < height and 0 <= x < width)
            for channel in range(channels):
                pixel = 0.0 if outside else image[y, x, channel] / 255
                result[row, column, channel] = (pixel - MEAN[channel]) / STD[channel]
    return result


@functools.partial(jax.jit, static_argnames=("height", "width", "augmentation"))
def draws(keys, height, width, augmentation):
    """Choices for as many images as there are keys."""
    fn = functools.partial(draw, height=height, width=width, augmentation=augmentation)
    return jax.vmap(fn)(keys)


@pytest.fixture(scope="module")
def many_choices():
    """For 20,000 images of 5 x 8 pixels, one program for all tests of chance."""
    keys = jax.random.split(jax.random.key(0), 20_000)
    return jax.device_get(draws(keys, 5, 8, FULL))


def test_normalise_by_hand():
    image = jnp.array([[[0, 255, 51]]], jnp.uint8)
    mean, std = jnp.array([0.5, 0.5, 0.1]), jnp.array([0.5, 0.25, 0.2])
    np.testing.assert_allclose(
        normalise(image, mean, std), [[[-1.0, 2.0, 0.5]]], rtol=1e-6
    )


def test_apply_by_hand():
    image = jnp.array([[[10], [20]], [[30], [40]]], jnp.uint8)
    mean, std = jnp.zeros(1), jnp.full(1, 1 / 255)
    augmentation = Augmentation(crop_padding=1, flip=True, cutout=1)
    # Corner (0, 1) moves the image down by one and keeps its columns.
    choice = Draw(jnp.array([0, 1]), jnp.array(True), jnp.array([1, 0]))
    result = apply(choice, image, mean, std, augmentation)
    np.testing.assert_allclose(result[..., 0], [[0, 0], [0, 10]], rtol=1e-6)


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(),
        Augmentation(crop_padding=2),
        Augmentation(flip=True),
        Augmentation(cutout=4),
        FULL,
        Augmentation(crop_padding=9, cutout=30),
    ],
)
def test_augment_equals_pixel_loop_on_the_drawn_choices(augmentation):
    images = random_images(12, 8, 7)
    key = jax.random.key(3)
    fn = jax.jit(augment, static_argnames="augmentation")
    result = fn(key, images, MEAN, STD, augmentation=augmentation)
    assert result.dtype == jnp.float32
    choices = jax.device_get(draws(jax.random.split(key, 12), 8, 7, augmentation))
    for image, crop, flip, centre, got in zip(
        images, *choices, np.asarray(result), strict=True
    ):
        want = apply_by_pixel(image, crop, bool(flip), centre, augmentation)
        np.testing.assert_allclose(got, want, atol=2e-6)
    assert (0 < choices.flip.sum() < 12) == augmentation.flip


def test_eager_equals_jit_and_the_key_decides():
    images = jnp.asarray(random_images(4, 6, 6))
    one, two = jax.random.key(1), jax.random.key(2)
    fn = jax.jit(augment, static_argnames="augmentation")
    eager = augment(one, images, MEAN, STD, FULL)
    np.testing.assert_allclose(eager, fn(one, images, MEAN, STD, FULL), atol=1e-6)
    assert not np.allclose(eager, fn(two, images, MEAN, STD, FULL))


def test_off_is_plain_normalisation():
    images = jnp.asarray(random_images(4, 6, 6))
    result = augment(jax.random.key(0), images, MEAN, STD, Augmentation())
    np.testing.assert_array_equal(result, normalise(images, MEAN, STD))


def test_crop_corners_are_uniform_and_independent(many_choices):
    crop = many_choices.crop
    cells = np.bincount(crop[:, 0] * 9 + crop[:, 1], minlength=81)
    assert crop.min() == 0 and crop.max() == 8
    assert stats.chisquare(cells).pvalue > 1e-3


def test_cutout_centres_are_uniform_over_the_image(many_choices):
    centre = many_choices.cutout
    cells = np.bincount(centre[:, 0] * 8 + centre[:, 1], minlength=40)
    assert cells.size == 40
    assert stats.chisquare(cells).pvalue > 1e-3


def test_flip_rate_is_one_half(many_choices):
    flips = many_choices.flip
    assert stats.binomtest(int(flips.sum()), flips.size).pvalue > 1e-3


def test_choices_of_one_image_are_independent(many_choices):
    crop, flip, centre = many_choices
    columns = [*crop.T, flip, *centre.T]
    correlation = np.corrcoef(np.asarray(columns, np.float64))
    assert np.abs(correlation - np.eye(5)).max() < 5 / np.sqrt(20_000)


def test_cutout_area():
    height, width, side, num = 12, 10, 4, 4_000
    images = jnp.full((num, height, width, 1), 255, jnp.uint8)
    mean, std = jnp.zeros(1), jnp.ones(1)
    augmentation = Augmentation(cutout=side)
    result = jax.jit(augment, static_argnames="augmentation")(
        jax.random.key(5), images, mean, std, augmentation
    )
    areas = np.asarray((result[..., 0] == 0).sum((1, 2)))
    # The full square wherever the border does not clip it, and the exact mean.
    assert areas.max() == side**2 and areas.min() == (side // 2) ** 2
    expected = np.prod(
        [
            np.mean([min(c + 2, size) - max(c - 2, 0) for c in range(size)])
            for size in (height, width)
        ]
    )
    error = areas.std() / np.sqrt(num)
    assert abs(areas.mean() - expected) < 4 * error


def test_bad_input():
    with pytest.raises(ValueError, match="crop_padding: got -1, allowed"):
        Augmentation(crop_padding=-1)
    with pytest.raises(ValueError, match="cutout: got -2, allowed"):
        Augmentation(cutout=-2)
    images = np.zeros((2, 4, 4, 3), np.float32)
    off = functools.partial(augment, augmentation=Augmentation())
    with pytest.raises(AssertionError, match="uint8"):
        jax.eval_shape(off, jax.random.key(0), images, MEAN, STD)
    with pytest.raises(AssertionError, match="shape"):
        normalise(images.astype(np.uint8), MEAN[:1], STD)
