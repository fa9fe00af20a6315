"""Full convolution of few channels as matrix products, several columns at once.

With five channels a product of pixels and a kernel's tap is a few numbers wide, and
library convolutions reach a few per cent of the matrix rate. Here `columns` output
pixels of a row stand beside each other: the windows that they see, three rows of a few
pixels for a kernel of 3 x 3, times a matrix in whose column blocks the kernel is
shifted down pixel by pixel, zeros around it. Half of the products are with zeros, and
the whole is still several times as fast (`experiments/benches/kernels.py`).

The gradient to the images is the same convolution of the output's gradient with the
flipped kernel, and its windows times the images give that to the kernel: what of the
product stands where the matrix has the kernel is added up.
"""

import functools
import operator

import jax
import jax.numpy as jnp

from qnas_jax.kernels.taps import pad


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def banded_conv(images: jax.Array, kernel: jax.Array, columns: int) -> jax.Array:
    """Convolves with stride 1, zero padding k // 2 on each side.

    Args:
      images: float [N, H, W, C_in].
      kernel: float [k, k, C_in, C_out], k odd.
      columns: output pixels of a row that are computed at once, a divisor of W.

    Returns:
      float [N, H, W, C_out].
    """
    windows = _windows(images, kernel.shape[0], columns)
    return _product(windows, _banded(kernel, columns)).reshape(*images.shape[:3], -1)


def _forward(
    images: jax.Array, kernel: jax.Array, columns: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return banded_conv(images, kernel, columns), (images, kernel)


def _backward(
    columns: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    images, kernel = saved
    windows = _windows(gradient, kernel.shape[0], columns)
    to_images = _product(windows, _banded(_turned(kernel), columns))
    product = _product(windows.T, images.reshape(-1, columns * images.shape[-1]))
    size, _, in_features, out_features = kernel.shape
    shape = size, columns + size - 1, out_features, columns, in_features
    bands = product.reshape(shape)
    places = [bands[:, j : j + size, :, j] for j in range(columns)]
    turned = functools.reduce(operator.add, places)
    return to_images.reshape(images.shape), _turned(turned)


banded_conv.defvjp(_forward, _backward)


def _product(left: jax.Array, right: jax.Array) -> jax.Array:
    """A matrix product whose sums have float32 at least."""
    exact = jnp.promote_types(left.dtype, jnp.float32)
    product = jnp.matmul(left, right, preferred_element_type=exact)
    return product.astype(left.dtype)


def _turned(kernel: jax.Array) -> jax.Array:
    """The kernel of the transposed convolution, [k, k, C_out, C_in]."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


def _windows(images: jax.Array, size: int, columns: int) -> jax.Array:
    """What `columns` outputs see, [N H W / columns, k (columns + k - 1) C]."""
    count, height, width, features = images.shape
    seen = columns + size - 1
    padded = pad(images, size // 2)
    parts = [padded[:, :, j : j + seen] for j in range(0, width, columns)]
    flat = (count, -1, seen * features)
    strips = jnp.stack([part.reshape(flat) for part in parts], axis=2)
    rows = [strips[:, i : i + height] for i in range(size)]
    return jnp.concatenate(rows, axis=-1).reshape(-1, size * seen * features)


def _banded(kernel: jax.Array, columns: int) -> jax.Array:
    """The kernel shifted for each column, [k (columns + k - 1) C_in, columns C_out]."""
    size, _, in_features, out_features = kernel.shape
    shifts = [(j, columns - 1 - j) for j in range(columns)]
    bands = [jnp.pad(kernel, [(0, 0), each, (0, 0), (0, 0)]) for each in shifts]
    shape = size * (columns + size - 1) * in_features, columns * out_features
    return jnp.stack(bands, axis=3).reshape(shape)
