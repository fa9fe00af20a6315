"""One test body for every form of the convolutions over time and their gradients."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from qnas_jax.kernels import series_conv, series_depthwise, shifted_views
from qnas_jax.kernels.series import DEPTHWISE_FORMS, FORMS

# (taps, steps, stride, dilation): even and odd lengths, windows wider than the series.
CASES = [(1, 6, 1, 1), (3, 7, 2, 1), (5, 8, 3, 2), (3, 5, 1, 4), (7, 9, 2, 1)]
EVEN = [(4, 7, 1, 1), (2, 8, 3, 3)]  # of full kernels only


def loops(series, kernel, stride, dilation, gradient, causal=False):
    """The definition in float64: output and both gradients; kernel [k, C_in, C_out]."""
    count, length, _ = series.shape
    steps = -(-length // stride)
    output = np.zeros((count, steps, kernel.shape[-1]))
    gradients = np.zeros(series.shape), np.zeros(kernel.shape)
    for step, tap in itertools.product(range(steps), range(len(kernel))):
        reach = (len(kernel) - 1) * dilation
        seen = step * stride + tap * dilation - (reach if causal else reach // 2)
        if 0 <= seen < length:
            output[:, step] += series[:, seen] @ kernel[tap]
            gradients[0][:, seen] += gradient[:, step] @ kernel[tap].T
            gradients[1][tap] += series[:, seen].T @ gradient[:, step]
    return output, *gradients


def by_scipy(series, kernel, stride, dilation):
    """The same from a library: correlation with the kernel with zeros between taps."""
    size, num_in, num_out = kernel.shape
    spread = np.zeros(((size - 1) * dilation + 1, num_in, num_out))
    spread[::dilation] = kernel
    borders = (len(spread) - 1) // 2, len(spread) // 2
    padded = np.pad(series, ((0, 0), borders, (0, 0)))
    found = [
        sum(
            signal.correlate(each[:, i], spread[:, i, o], "valid")
            for i in range(num_in)
        )
        for each in padded
        for o in range(num_out)
    ]
    shaped = np.reshape(found, (len(series), num_out, -1))
    return shaped.swapaxes(1, 2)[:, ::stride]


def assert_close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize(("size", "length", "stride", "dilation"), CASES + EVEN)
def test_values_and_gradients(size, length, stride, dilation):
    rng = np.random.default_rng(size + length)
    series = rng.standard_normal((2, length, 3))
    gradient = rng.standard_normal((2, -(-length // stride), 4))
    how = {"stride": stride, "dilation": dilation}
    kernel = rng.standard_normal((size, 3, 4))
    want = loops(series, kernel, stride, dilation, gradient)
    assert_close(by_scipy(series, kernel, stride, dilation), want[0])
    for form in FORMS:
        run = functools.partial(series_conv, **how, implementation=form)
        output, pull = jax.vjp(run, jnp.float32(series), jnp.float32(kernel))
        for got, wanted in zip(
            (output, *pull(jnp.float32(gradient))), want, strict=True
        ):
            assert_close(got, wanted)
    if size % 2 == 0:
        return
    # Depth-wise: the full kernel has the taps on its diagonals.
    taps = rng.standard_normal((size, 3))
    diagonal = taps[:, :, None] * np.eye(3)
    want = loops(series, diagonal, stride, dilation, gradient[..., :3])
    for form in DEPTHWISE_FORMS:
        run = functools.partial(series_depthwise, **how, implementation=form)
        output, pull = jax.vjp(run, jnp.float32(series), jnp.float32(taps))
        to_series, to_taps = pull(jnp.float32(gradient[..., :3]))
        assert_close(output, want[0])
        assert_close(to_series, want[1])
        assert_close(to_taps, np.einsum("kcc->kc", want[2]))


@pytest.mark.parametrize(("size", "length", "stride", "dilation"), CASES + EVEN)
def test_causal_values_and_gradients(size, length, stride, dilation):
    rng = np.random.default_rng(size + length)
    series = rng.standard_normal((2, length, 3))
    gradient = rng.standard_normal((2, -(-length // stride), 4))
    kernel = rng.standard_normal((size, 3, 4))
    want = loops(series, kernel, stride, dilation, gradient, causal=True)
    how = {"stride": stride, "dilation": dilation, "causal": True}
    for form in FORMS:
        run = functools.partial(series_conv, **how, implementation=form)
        output, pull = jax.vjp(run, jnp.float32(series), jnp.float32(kernel))
        for got, wanted in zip(
            (output, *pull(jnp.float32(gradient))), want, strict=True
        ):
            assert_close(got, wanted)


def test_views_by_hand():
    series = jnp.arange(1.0, 6.0).reshape(1, 5, 1)
    views = shifted_views(series, 3, 2, 2, outside=9.0)
    found = [np.asarray(view)[0, :, 0].tolist() for view in views]
    assert found == [[9, 1, 3], [1, 3, 5], [3, 5, 9]]


@pytest.mark.parametrize(
    ("function", "kernel", "options", "message"),
    [
        (series_conv, (3, 2, 4), {}, r"series_conv: got series \(1, 8, 3\) and ker"),
        (series_depthwise, (3, 2), {}, r"expected \[N, T, C\] and \[k, C\]"),
        (series_depthwise, (2, 3), {}, "expected an odd length"),
        (series_depthwise, (3, 3), {"stride": 0}, "got stride 0, expected at least"),
        (series_conv, (3, 3, 4), {"dilation": 0}, "got dilation 0, expected"),
        (series_conv, (3, 3, 4), {"implementation": "fast"}, "got 'fast'"),
    ],
)
def test_bad_input_is_named(function, kernel, options, message):
    with pytest.raises(ValueError, match=message):
        function(jnp.zeros((1, 8, 3)), jnp.zeros(kernel), **options)
