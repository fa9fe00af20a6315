"""One test body for every form of the depth-wise convolution and its gradients."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.kernels import depthwise_conv
from qnas_jax.kernels.depthwise import FORMS

# Image sizes for each stride: even, odd, oblong and tiny.
SIZES = {1: [(6, 6), (5, 8)], 2: [(8, 8), (7, 4)], 3: [(9, 7), (1, 4)]}
# Forms for accelerators compile slowly here and take less: each stride, each border.
CASES = [
    (form, size, stride)
    for form in FORMS
    for size in (1, 3, 5, 7)
    for stride in SIZES
    if (form in ("reference", "shifted") and (size < 7 or stride == 1))
    or (size, stride) in {(3, 1), (3, 2), (1, 3)}
    or (form, size, stride) == ("pallas", 5, 2)
]
PLAIN = {  # little is optimised: compiling takes nearly all of the time
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


def loop_forward(images, kernel, stride):
    """The definition, one output pixel after the other, in float64."""
    num, height, width, channels = images.shape
    size = kernel.shape[0]
    pad = size // 2
    rows, columns = -(-height // stride), -(-width // stride)
    output = np.zeros((num, rows, columns, channels))
    for row, column, i, j in itertools.product(
        range(rows), range(columns), range(size), range(size)
    ):
        y, x = row * stride + i - pad, column * stride + j - pad
        if 0 <= y < height and 0 <= x < width:
            output[:, row, column] += images[:, y, x] * kernel[i, j]
    return output


def loop_gradients(images, kernel, stride, gradient):
    """Each product of the definition hands its gradient to both of its factors."""
    _, height, width, _ = images.shape
    size = kernel.shape[0]
    pad = size // 2
    images_gradient = np.zeros(images.shape)
    kernel_gradient = np.zeros(kernel.shape)
    for row, column, i, j in itertools.product(
        range(gradient.shape[1]), range(gradient.shape[2]), range(size), range(size)
    ):
        y, x = row * stride + i - pad, column * stride + j - pad
        if 0 <= y < height and 0 <= x < width:
            images_gradient[:, y, x] += gradient[:, row, column] * kernel[i, j]
            kernel_gradient[i, j] += (gradient[:, row, column] * images[:, y, x]).sum(0)
    return images_gradient, kernel_gradient


def assert_close(got, want):
    """Within 1e-5 of the largest value: float32 sums of up to a few hundred terms."""
    want = np.asarray(want)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())


def inputs(size, height, width, stride, num=2, channels=3):
    rng = np.random.default_rng(size * 100 + stride * 10 + height)
    shape = (num, -(-height // stride), -(-width // stride), channels)
    return [
        rng.standard_normal(each, dtype=np.float32)
        for each in ((num, height, width, channels), (size, size, channels), shape)
    ]


@functools.partial(jax.jit, static_argnames=("stride", "form"), compiler_options=PLAIN)
def value_and_pull(images, kernel, gradient, *, stride, form):
    conv = functools.partial(depthwise_conv, stride=stride, implementation=form)
    output, pull = jax.vjp(conv, images, kernel)
    return output, *pull(gradient)


@pytest.mark.parametrize(("form", "size", "stride"), CASES)
def test_values_and_gradients(form, size, stride):
    """Against the loop and against the reference."""
    for height, width in SIZES[stride][form in ("taps", "pallas") :]:
        images, kernel, gradient = inputs(size, height, width, stride)
        wanted = (
            loop_forward(images, kernel, stride),
            *loop_gradients(images, kernel, stride, gradient),
        )
        got, reference = (
            value_and_pull(images, kernel, gradient, stride=stride, form=each)
            for each in (form, "reference")
        )
        for value, other, want in zip(got, reference, wanted, strict=True):
            assert value.shape == want.shape and value.dtype == jnp.float32
            assert_close(value, want)
            assert_close(value, other)


def test_the_form_that_is_taken_by_default():
    """No name and the best name of this backend are the same program."""
    best = {"cpu": "shifted", "gpu": "pallas"}.get(jax.default_backend(), "reference")
    shapes = jnp.zeros((1, 4, 4, 2)), jnp.zeros((3, 3, 2))
    unnamed, named = (
        str(
            jax.make_jaxpr(functools.partial(depthwise_conv, implementation=f))(*shapes)
        )
        for f in (None, best)
    )
    assert unnamed == named


@pytest.mark.parametrize("form", FORMS)
def test_by_hand(form):
    conv = functools.partial(depthwise_conv, implementation=form)
    images = jnp.arange(1.0, 7.0).reshape(1, 2, 3, 1)  # 1 2 3 / 4 5 6
    ones = jnp.ones((3, 3, 1))
    np.testing.assert_array_equal(conv(images, ones)[0, :, :, 0], [[12, 21, 16]] * 2)
    np.testing.assert_array_equal(conv(images, ones, stride=2)[0, :, :, 0], [[12, 16]])
    # Correlation, not convolution: the last tap looks down and to the right.
    tap = jnp.zeros((3, 3, 1)).at[2, 2].set(10.0)
    np.testing.assert_array_equal(
        conv(images, tap)[0, :, :, 0], [[50, 60, 0], [0, 0, 0]]
    )


@pytest.mark.parametrize("form", FORMS)
def test_channels_do_not_mix(form):
    images = jnp.ones((1, 4, 4, 3)) * jnp.array([1.0, 10.0, 100.0])[None, None, None]
    kernel = jnp.ones((1, 1, 3)) * jnp.array([2.0, 3.0, 4.0])[None, None]
    output = depthwise_conv(images, kernel, implementation=form)
    np.testing.assert_array_equal(output[0, 1, 2], [2, 30, 400])


@pytest.mark.parametrize("form", FORMS)
def test_under_grad_of_a_checkpoint_and_a_scan(form):
    """The forms go through the transformations that training uses."""
    images, kernel, _ = inputs(3, 5, 5, 1)

    def loss(kernel):
        @jax.checkpoint
        def step(images, _):
            return jnp.tanh(depthwise_conv(images, kernel, implementation=form)), None

        output, _ = jax.lax.scan(step, jnp.asarray(images), None, length=2)
        return jnp.sum(output**2)

    def plain_loss(kernel):
        values = images
        for _ in range(2):
            values = jnp.tanh(
                depthwise_conv(values, kernel, implementation="reference")
            )
        return jnp.sum(values**2)

    got, want = (
        jax.jit(jax.grad(each), compiler_options=PLAIN)(kernel)
        for each in (loss, plain_loss)
    )
    assert_close(got, want)


def test_no_form_is_left_out():
    assert set(FORMS) == {"reference", "shifted", "taps", "pallas"}


@pytest.mark.parametrize(
    ("images", "kernel", "message"),
    [
        ((4, 4, 3), (3, 3, 3), r"got images \(4, 4, 3\) and kernel \(3, 3, 3\), exp"),
        ((1, 4, 4, 3), (3, 3, 1, 3), r".* expected \[N, H, W, C\] and \[k, k, C\]"),
        ((1, 4, 4, 3), (3, 3, 4), r"got images \(1, 4, 4, 3\) and kernel \(3, 3, 4\)"),
        ((1, 4, 4, 3), (2, 2, 3), r"got kernel \(2, 2, 3\), expected an odd square"),
        ((1, 4, 4, 3), (3, 5, 3), r"got kernel \(3, 5, 3\), expected an odd square"),
    ],
)
def test_wrong_shapes_are_named(images, kernel, message):
    with pytest.raises(ValueError, match=f"depthwise_conv: {message}"):
        depthwise_conv(jnp.zeros(images), jnp.zeros(kernel))


@pytest.mark.parametrize("stride", [0, -1])
def test_wrong_strides_are_named(stride):
    with pytest.raises(ValueError, match=f"got stride {stride}, expected at least 1"):
        depthwise_conv(jnp.zeros((1, 4, 4, 2)), jnp.zeros((3, 3, 2)), stride=stride)


def test_an_unknown_form_lists_the_known_ones():
    with pytest.raises(ValueError, match="got 'fast', expected one of reference, shi"):
        depthwise_conv(
            jnp.zeros((1, 4, 4, 2)), jnp.zeros((3, 3, 2)), implementation="fast"
        )
