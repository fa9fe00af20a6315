"""Full convolution; on CPU the gradient to the kernel is a matrix product a tap.

For each tap it is the product of the shifted images with the output gradient, summed
over all pixels. Compiled alone it is level with XLA's own gradient
(`experiments/bench_kernels.py`); inside the switches of a training step XLA's own loses
its fast path.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import dispatch
from qnas_jax.kernels.taps import check_convolution, pad, taps


def conv(
    images: jax.Array,
    kernel: jax.Array,
    *,
    stride: int = 1,
    implementation: str | None = None,
) -> jax.Array:
    """Convolves, zero padding k // 2 on each side.

    Args:
      images: float [N, H, W, C_in].
      kernel: float [k, k, C_in, C_out], k odd.
      stride: step in both directions, >= 1.
      implementation: "reference" (library convolution and gradients), "products"
        (kernel gradient by matrix products), or None: the faster one on the present
        backend.

    Returns:
      float [N, ceil(H / stride), ceil(W / stride), C_out].

    Raises:
      ValueError: shapes do not fit, k is even, the stride is below 1, or the
        implementation is unknown.
    """
    fits = kernel.ndim == 4 and kernel.shape[2] == images.shape[-1]
    expected = "[N, H, W, C_in] and [k, k, C_in, C_out]"
    check_convolution("conv", images, kernel, stride, fits=fits, expected=expected)
    form = dispatch.choose(implementation, FORMS, {"cpu": "products"})
    return form(images, kernel, stride)


def _reference(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    border = kernel.shape[0] // 2
    return lax.conv_general_dilated(
        images,
        kernel,
        window_strides=(stride, stride),
        padding=((border, border), (border, border)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _products(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    return _reference(images, kernel, stride)


def _products_forward(
    images: jax.Array, kernel: jax.Array, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _reference(images, kernel, stride), (images, kernel)


def _products_backward(
    stride: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    images, kernel = saved
    _, pull = jax.vjp(lambda values: _reference(values, kernel, stride), images)
    size, _, in_features, out_features = kernel.shape
    flat = gradient.reshape(-1, out_features)
    shifted = taps(pad(images, size // 2), size, stride)
    products = [tap.reshape(-1, in_features).T @ flat for tap in shifted]
    return pull(gradient)[0], jnp.stack(products).reshape(kernel.shape)


_products.defvjp(_products_forward, _products_backward)

FORMS = {dispatch.REFERENCE: _reference, "products": _products}
