"""One test body for every form of the full convolution and its gradients."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import conv
from qnas_jax.kernels.convolution import FORMS

CASES = [
    (size, *shape, stride)
    for size in (1, 3, 5)
    for shape, stride in [((6, 6), 1), ((5, 8), 1), ((7, 4), 2), ((8, 8), 3)]
]


def loops(images, kernel, stride, gradient=None):
    """The definition in float64: output, and both gradients if one comes in."""
    size, _, _, out_features = kernel.shape
    num, height, width, _ = images.shape
    rows, columns = -(-height // stride), -(-width // stride)
    output = np.zeros((num, rows, columns, out_features))
    gradients = np.zeros(images.shape), np.zeros(kernel.shape)
    for row, column, i, j in itertools.product(
        range(rows), range(columns), range(size), range(size)
    ):
        y, x = row * stride + i - size // 2, column * stride + j - size // 2
        if 0 <= y < height and 0 <= x < width:
            output[:, row, column] += images[:, y, x] @ kernel[i, j]
            if gradient is not None:
                gradients[0][:, y, x] += gradient[:, row, column] @ kernel[i, j].T
                gradients[1][i, j] += images[:, y, x].T @ gradient[:, row, column]
    return output, gradients


def inputs(size, height, width):
    rng = np.random.default_rng(size * 100 + height)
    return rng.standard_normal((2, height, width, 3)), rng.standard_normal(
        (size, size, 3, 4)
    )


def assert_close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("size", "height", "width", "stride"), CASES)
def test_values_and_gradients(form, size, height, width, stride):
    images, kernel = inputs(size, height, width)
    run = functools.partial(conv, stride=stride, implementation=form)
    single = jnp.float32(images), jnp.float32(kernel)
    output, pull = jax.vjp(run, *single)
    rng = np.random.default_rng(1)
    gradient = rng.standard_normal(output.shape)
    wanted, wanted_gradients = loops(images, kernel, stride, gradient)
    assert_close(output, wanted)
    for found, want in zip(pull(jnp.float32(gradient)), wanted_gradients, strict=True):
        assert_close(found, want)


@pytest.mark.parametrize("features", [5, 8, 11])
def test_few_channels_of_any_number(features):
    rng = np.random.default_rng(features)
    images = rng.standard_normal((2, 3, 8, features))
    kernel = rng.standard_normal((3, 3, features, features))
    run = functools.partial(conv, implementation="banded")
    output, pull = jax.vjp(run, jnp.float32(images), jnp.float32(kernel))
    gradient = rng.standard_normal(output.shape)
    wanted, wanted_gradients = loops(images, kernel, 1, gradient)
    assert_close(output, wanted)
    for found, want in zip(pull(jnp.float32(gradient)), wanted_gradients, strict=True):
        assert_close(found, want)


@pytest.mark.parametrize(
    ("images", "kernel", "options", "message"),
    [
        ((1, 4, 4, 3), (3, 3, 2, 4), {}, r"got images \(1, 4, 4, 3\)"),
        ((1, 4, 4, 3), (2, 2, 3, 4), {}, "expected an odd square"),
        ((1, 4, 4, 3), (3, 3, 3, 4), {"stride": 0}, "got stride 0"),
        ((1, 4, 4, 3), (3, 3, 3, 4), {"implementation": "fast"}, "got 'fast'"),
    ],
)
def test_bad_input_is_named(images, kernel, options, message):
    with pytest.raises(ValueError, match=message):
        conv(jnp.zeros(images), jnp.zeros(kernel), **options)
