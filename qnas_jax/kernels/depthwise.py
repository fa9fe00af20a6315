"""Depth-wise convolution, forward and both gradients.

XLA's grouped convolution on CPU runs 7-20 times below what the same arithmetic reaches
as k*k shifted multiply-adds, which fuse into one loop over the channels (printed by
`experiments/benches/kernels.py`). Its gradients need the same care:

- the input gradient is the shifted form again, with the flipped kernel, on the output
  gradient with stride - 1 zeros between its entries;
- the kernel gradient takes a few images at a time, which stay in the cache: for each
  tap it adds up their products element by element, as the forward pass adds up taps,
  and only then sums over the pixels, which is faster than to sum products directly.
  The taps are a loop, not unrolled, which compiles faster. Each image is read at a
  place of its own: one view of all of them would be copied for each tap.

What is written out tap by tap or image by image is so in `lax`, as functions of `jnp`
take several times as long to trace.

On GPUs `kernels/depthwise_pallas.py` is taken: on an H100 a step on three paths of
`nas_bench_macro` spends 2.0 of its 10.4 ms in it. The library's was ahead of an earlier
version where kernels are 5 x 5 and images large, and five times behind at 4 x 4 x 1152,
since its gradient to the kernel alone takes 1.25 ms there (`experiments/README.md`, "On
an H100"). TPUs take the library's, unmeasured.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import dispatch
from qnas_jax.kernels.depthwise_taps import by_taps
from qnas_jax.kernels.materialise import materialise
from qnas_jax.kernels.taps import check_convolution, pad, taps

_IMAGES_AT_ONCE = 16


def depthwise_conv(
    images: jax.Array,
    kernel: jax.Array,
    *,
    stride: int = 1,
    implementation: str | None = None,
) -> jax.Array:
    """Convolves each channel with its own kernel, zero padding k // 2 on each side.

    Args:
      images: float [N, H, W, C].
      kernel: float [k, k, C], k odd.
      stride: step in both directions, >= 1.
      implementation: "reference" (library convolution), "shifted" (multiply-adds),
        "taps" (likewise, for accelerators), "pallas" (a kernel for GPUs,
        interpreted elsewhere), or None: the faster one on the present backend.

    Returns:
      float [N, ceil(H / stride), ceil(W / stride), C].

    Raises:
      UserError: shapes do not fit, k is even, the stride is below 1, or the
        implementation is unknown.
    """
    fits = kernel.ndim == 3 and kernel.shape[-1] == images.shape[-1]
    check_convolution(
        "depthwise_conv",
        images,
        kernel,
        stride,
        fits=fits,
        expected="[N, H, W, C] and [k, k, C]",
    )
    form = dispatch.choose(implementation, FORMS, BEST)
    return form(images, kernel, stride)


def _reference(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    border = kernel.shape[0] // 2
    return lax.conv_general_dilated(
        images,
        kernel[:, :, None, :],
        window_strides=(stride, stride),
        padding=((border, border), (border, border)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=images.shape[-1],
    )


def _pallas(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    # Imported when it is taken: it takes a tenth of a second, and CPUs do without.
    from qnas_jax.kernels.depthwise_pallas import by_kernel

    return by_kernel(images, kernel, stride)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
@jax.named_scope("depthwise")
def _shifted(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    padded = materialise(pad(images, kernel.shape[0] // 2))
    views = taps(padded, kernel.shape[0], stride)
    exact = jnp.promote_types(images.dtype, jnp.float32)
    weights = kernel.astype(exact).reshape(-1, kernel.shape[-1])

    def product(tap: int, view: jax.Array) -> jax.Array:
        weight = lax.index_in_dim(weights, tap, keepdims=False)
        wide = lax.broadcast_in_dim(weight, view.shape, (view.ndim - 1,))
        return lax.mul(view.astype(exact), wide)

    products = (product(tap, view) for tap, view in enumerate(views))
    return functools.reduce(lax.add, products).astype(images.dtype)


def _shifted_forward(
    images: jax.Array, kernel: jax.Array, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _shifted(images, kernel, stride), (images, kernel)


def _shifted_backward(
    stride: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    images, kernel = saved
    return (
        _image_gradient(images.shape, kernel, gradient, stride),
        _kernel_gradient(images, kernel.shape[0], gradient, stride),
    )


def _image_gradient(
    shape: tuple[int, ...], kernel: jax.Array, gradient: jax.Array, stride: int
) -> jax.Array:
    if stride > 1:
        spread = [
            (0, size - 1 - (count - 1) * stride, stride - 1)
            for size, count in zip(shape[1:3], gradient.shape[1:3], strict=True)
        ]
        zero = jnp.zeros((), gradient.dtype)
        gradient = lax.pad(gradient, zero, [(0, 0, 0), *spread, (0, 0, 0)])
    return _shifted(gradient, kernel[::-1, ::-1], 1)


@jax.named_scope("depthwise_kernel_gradient")
def _kernel_gradient(
    images: jax.Array, size: int, gradient: jax.Array, stride: int
) -> jax.Array:
    _, rows, columns, channels = gradient.shape
    window = (1, (rows - 1) * stride + 1, (columns - 1) * stride + 1, channels)

    def add_images(
        total: jax.Array, pair: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, None]:
        padded, gradients = pair

        def image(number: int, *places: jax.Array) -> jax.Array:
            start = (jnp.full_like(places[0], number), *places)
            view = lax.dynamic_slice(
                padded, start, window, allow_negative_indices=False
            )
            return lax.slice(view, (0,) * 4, window, (1, stride, stride, 1))

        def correlate(tap: jax.Array) -> jax.Array:
            places = (tap // size, tap % size, jnp.zeros_like(tap))
            views = [image(number, *places) for number in range(_IMAGES_AT_ONCE)]
            return _sum_products(views, gradients)

        return total + lax.map(correlate, jnp.arange(size * size)), None

    exact = jnp.promote_types(images.dtype, jnp.float32)
    start = jnp.zeros((size * size, channels), exact)
    groups = _group(pad(images, size // 2)), _group(gradient)
    total, _ = lax.scan(add_images, start, groups)
    return total.astype(images.dtype).reshape(size, size, channels)


def _group(images: jax.Array) -> jax.Array:
    """[N, ...] -> [groups, images at once, ...], filled up with zeros."""
    fill = -len(images) % _IMAGES_AT_ONCE
    images = jnp.pad(images, [(0, fill)] + [(0, 0)] * (images.ndim - 1))
    return images.reshape(-1, _IMAGES_AT_ONCE, *images.shape[1:])


def _sum_products(images: list[jax.Array], gradients: jax.Array) -> jax.Array:
    """Sum over n images [1, H, W, C] and pixels of images * gradients [n, H, W, C]."""
    exact = jnp.promote_types(gradients.dtype, jnp.float32)
    products = (
        lax.mul(image.astype(exact), lax.index_in_dim(gradients, n).astype(exact))
        for n, image in enumerate(images)
    )
    return jnp.sum(materialise(functools.reduce(lax.add, products)), axis=(0, 1, 2))


_shifted.defvjp(_shifted_forward, _shifted_backward)

FORMS = {
    dispatch.REFERENCE: _reference,
    "shifted": _shifted,
    "taps": by_taps,
    "pallas": _pallas,
}
# By backend. On a GPU: the least time in a training step.
BEST = {"cpu": "shifted", "gpu": "pallas"}
