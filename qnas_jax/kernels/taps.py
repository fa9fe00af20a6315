"""What convolutions share: their check, padded images and their shifted views."""

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.errors import UserError


def check_convolution(
    name: str,
    images: jax.Array,
    kernel: jax.Array,
    stride: int,
    *,
    fits: bool,
    expected: str,
) -> None:
    """Checks the arguments of a convolution.

    Args:
      name: of the function, begins the error.
      images: should be [N, H, W, C].
      kernel: should be [k, k, ...] with odd k.
      stride: should be 1 at least.
      fits: whether the kernel has the right axes and the channels of the images.
      expected: their shapes in words, for the error.

    Raises:
      UserError: one of these is not so.
    """
    if images.ndim != 4 or not fits:
        raise UserError(
            f"{name}: got images {images.shape} and kernel {kernel.shape}, expected "
            f"{expected}"
        )
    if kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
        raise UserError(f"{name}: got kernel {kernel.shape}, expected an odd square")
    if stride < 1:
        raise UserError(f"{name}: got stride {stride}, expected at least 1")


def pad(images: jax.Array, border: int) -> jax.Array:
    """Puts `border` rows and columns of zeros around images [N, H, W, C].

    Returns:
      [N, H + 2 border, W + 2 border, C].
    """
    return jnp.pad(images, [(0, 0), (border, border), (border, border), (0, 0)])


def taps(padded: jax.Array, size: int, stride: int) -> list[jax.Array]:
    """The size * size shifted views [N, H_out, W_out, C] of padded images [N, H, W, C].

    H_out is (H - size) // stride + 1, W_out likewise; taps are in the order of rows.
    """
    count, height, width, channels = padded.shape
    rows = (height - size) // stride * stride + 1
    columns = (width - size) // stride * stride + 1
    return [
        lax.slice(
            padded,
            (0, i, j, 0),
            (count, i + rows, j + columns, channels),
            (1, stride, stride, 1),
        )
        for i in range(size)
        for j in range(size)
    ]
