"""1 x 1 convolution: a matrix product over the channels of each pixel.

With few channels a CPU takes several pixels at once: their channels side by side times
a matrix with the kernel along its diagonal, zeros elsewhere. The gradient to the images
is the same with the transposed kernel.
"""

import functools

import jax
import jax.numpy as jnp

from qnas_jax.errors import UserError
from qnas_jax.kernels import dispatch
from qnas_jax.kernels.few_channels import pixels_at_once


def pointwise_conv(
    images: jax.Array, kernel: jax.Array, *, implementation: str | None = None
) -> jax.Array:
    """Multiplies each pixel's channels by a matrix.

    Args:
      images: float [..., C_in].
      kernel: float [C_in, C_out].
      implementation: "reference" (a row a pixel), "side_by_side" (few pixels a row,
        where there are few channels, else as the reference), or None: the fastest on
        the present backend.

    Returns:
      float [..., C_out], summed in float32 at least.

    Raises:
      UserError: shapes do not fit, or the implementation is unknown.
    """
    if kernel.ndim != 2 or images.shape[-1:] != kernel.shape[:1]:
        raise UserError(
            f"pointwise_conv: got images {images.shape} and kernel {kernel.shape}, "
            "expected [..., C_in] and [C_in, C_out]"
        )
    form = dispatch.choose(implementation, FORMS, {"cpu": "side_by_side"})
    return form(images, kernel)


def _reference(images: jax.Array, kernel: jax.Array) -> jax.Array:
    exact = jnp.promote_types(images.dtype, jnp.float32)
    # One row a pixel: XLA's gradients of products over more axes are slow on CPU.
    rows = images.reshape(-1, images.shape[-1])
    product = jnp.matmul(rows, kernel, preferred_element_type=exact)
    return product.astype(images.dtype).reshape(*images.shape[:-1], -1)


def _side_by_side(images: jax.Array, kernel: jax.Array) -> jax.Array:
    # The number of images need not be known: pixels of one line are taken together.
    width = images.shape[-2] if images.ndim > 2 else 1
    pixels = pixels_at_once(width, max(kernel.shape))
    return (
        _reference(images, kernel) if pixels == 1 else _joined(images, kernel, pixels)
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _joined(images: jax.Array, kernel: jax.Array, pixels: int) -> jax.Array:
    diagonal = jnp.kron(jnp.eye(pixels, dtype=kernel.dtype), kernel)
    rows = images.reshape(-1, pixels * images.shape[-1])
    return _reference(rows, diagonal).reshape(*images.shape[:-1], -1)


def _forward(
    images: jax.Array, kernel: jax.Array, pixels: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _joined(images, kernel, pixels), (images, kernel)


def _backward(
    pixels: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    images, kernel = saved
    rows, slope = (each.reshape(-1, each.shape[-1]) for each in (images, gradient))
    return _joined(gradient, kernel.T, pixels), _reference(rows.T, slope)


_joined.defvjp(_forward, _backward)

FORMS = {dispatch.REFERENCE: _reference, "side_by_side": _side_by_side}
