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
    # One row a pixel: XLA's gradients of products over more axes are slow on CPU.
    rows = form(images.reshape(-1, images.shape[-1]), kernel)
    return rows.reshape(*images.shape[:-1], -1)


def _reference(rows: jax.Array, kernel: jax.Array) -> jax.Array:
    exact = jnp.promote_types(rows.dtype, jnp.float32)
    product = jnp.matmul(rows, kernel, preferred_element_type=exact)
    return product.astype(rows.dtype)


def _side_by_side(rows: jax.Array, kernel: jax.Array) -> jax.Array:
    pixels = pixels_at_once(len(rows), max(kernel.shape))
    return _reference(rows, kernel) if pixels == 1 else _joined(rows, kernel, pixels)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _joined(rows: jax.Array, kernel: jax.Array, pixels: int) -> jax.Array:
    diagonal = jnp.kron(jnp.eye(pixels, dtype=kernel.dtype), kernel)
    joined = _reference(rows.reshape(len(rows) // pixels, -1), diagonal)
    return joined.reshape(len(rows), -1)


def _forward(
    rows: jax.Array, kernel: jax.Array, pixels: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _joined(rows, kernel, pixels), (rows, kernel)


def _backward(
    pixels: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    rows, kernel = saved
    return _joined(gradient, kernel.T, pixels), _reference(rows.T, gradient)


_joined.defvjp(_forward, _backward)

FORMS = {dispatch.REFERENCE: _reference, "side_by_side": _side_by_side}
