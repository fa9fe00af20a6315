"""Operations on pixels of few channels side by side, against their definitions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.kernels import add_up, force_implementation, normalise, pointwise_conv
from qnas_jax.kernels.few_channels import few_channels, pixels_at_once
from qnas_jax.kernels.pointwise import FORMS

SHAPES = [(2, 4, 8, 3), (3, 5, 7, 5), (2, 4, 6, 9), (2, 3, 4, 12), (6, 4), (2, 8, 5)]


def assert_close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize(
    ("pixels", "channels", "expected"),
    [(16, 5, 4), (6, 5, 3), (7, 5, 1), (8, 6, 2), (8, 10, 2), (8, 11, 1)],
)
def test_pixels_at_once_divide_the_row(pixels, channels, expected):
    assert pixels_at_once(pixels, channels) == expected


def test_costs_are_counted_on_plain_forms():
    with force_implementation("reference"):
        assert not few_channels(1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_pointwise_values_and_gradients(form, shape):
    rng = np.random.default_rng(0)
    images = rng.standard_normal(shape)
    kernel = rng.standard_normal((shape[-1], 4))
    gradient = rng.standard_normal((*shape[:-1], 4))
    run = functools.partial(pointwise_conv, implementation=form)
    output, pull = jax.vjp(run, jnp.float32(images), jnp.float32(kernel))
    to_images, to_kernel = pull(jnp.float32(gradient))
    assert_close(output, np.einsum("...i,io->...o", images, kernel))
    assert_close(to_images, np.einsum("...o,io->...i", gradient, kernel))
    assert_close(to_kernel, images.reshape(-1, shape[-1]).T @ gradient.reshape(-1, 4))


def test_pointwise_names_shapes_that_do_not_fit():
    with pytest.raises(UserError, match=r"got images \(2, 3\) and kernel \(4, 4\)"):
        pointwise_conv(jnp.zeros((2, 3)), jnp.zeros((4, 4)))


def plainly_normalised(images, scale, offset):
    axes = tuple(range(images.ndim - 1))
    mean, var = images.mean(axes), images.var(axes)
    wide = (1,) * (images.ndim - 1) + (-1,)
    factor = (scale / jnp.sqrt(var + 1e-5)).reshape(wide)
    values = (images - mean.reshape(wide)) * factor + offset.reshape(wide)
    return values, mean, var


@pytest.mark.parametrize("shape", SHAPES)
def test_normalisation_of_few_channels(shape):
    rng = np.random.default_rng(1)
    images, gradient = rng.standard_normal((2, *shape))
    scale, offset = rng.standard_normal((2, shape[-1]))
    with jax.enable_x64(True):
        values, mean, var = plainly_normalised(images, scale, offset)
        _, pull = jax.vjp(lambda *a: plainly_normalised(*a)[0], images, scale, offset)
        wanted = pull(gradient)
    arguments = [jnp.float32(each) for each in (images, scale, offset)]
    found = normalise(*arguments)
    _, pull = jax.vjp(lambda *a: normalise(*a).values, *arguments)
    for got, want in zip(found, (values, mean, var), strict=True):
        assert_close(got, want)
    for got, want in zip(pull(jnp.float32(gradient)), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("features", [3, 12])
@pytest.mark.parametrize("count", [1, 3])
def test_sums_are_those_of_the_arrays(features, count):
    arrays = np.random.default_rng(2).standard_normal((count, 2, 4, 4, features))
    arrays = np.float32(arrays)
    got = jax.jit(lambda values: add_up(list(values)))(arrays)
    np.testing.assert_allclose(got, arrays.sum(axis=0), rtol=1e-6, atol=1e-6)
