"""Depth-wise convolution for accelerators as multiply-adds of shifted images.

A tap is the images shifted by a few pixels. Plain differentiation keeps all k * k of
them; here the gradients keep the images and the kernel alone:

- to the images: the same form with the flipped kernel, on the output's gradient with
  stride - 1 zeros between its entries;
- to the kernel: for a row of taps at a time, one reduction of k products side by side.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels.materialise import materialise
from qnas_jax.kernels.taps import pad, taps


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def by_taps(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Convolves; sums in float32 at least.

    Args:
      images: [N, H, W, C].
      kernel: [k, k, C].
      stride: step in both directions.

    Returns:
      [N, ceil(H / stride), ceil(W / stride), C] in the images' precision.
    """
    size = kernel.shape[0]
    exact = jnp.promote_types(images.dtype, jnp.float32)
    views = taps(materialise(pad(images, size // 2)), size, stride)
    weights = kernel.astype(exact).reshape(-1, 1, 1, 1, kernel.shape[-1])
    total = functools.reduce(
        jnp.add,
        (
            view.astype(exact) * weight
            for view, weight in zip(views, weights, strict=True)
        ),
    )
    return total.astype(images.dtype)


def _forward(
    images: jax.Array, kernel: jax.Array, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return by_taps(images, kernel, stride), (images, kernel)


def _backward(
    stride: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    images, kernel = saved
    gradient = materialise(gradient)
    return (
        images_gradient(images.shape, kernel, gradient, stride),
        kernel_gradient(images, gradient, kernel.shape[0], stride).astype(kernel.dtype),
    )


by_taps.defvjp(_forward, _backward)


def images_gradient(
    shape: tuple[int, ...], kernel: jax.Array, gradient: jax.Array, stride: int
) -> jax.Array:
    """Gradient to the images, given that to the output.

    Args:
      shape: (N, H, W, C) of the images.
      kernel: [k, k, C].
      gradient: [N, ceil(H / stride), ceil(W / stride), C].
      stride: step in both directions.

    Returns:
      [N, H, W, C] in the gradient's precision.
    """
    if stride > 1:
        spread = [
            (0, size - 1 - (count - 1) * stride, stride - 1)
            for size, count in zip(shape[1:3], gradient.shape[1:3], strict=True)
        ]
        zero = jnp.zeros((), gradient.dtype)
        gradient = lax.pad(gradient, zero, [(0, 0, 0), *spread, (0, 0, 0)])
    return by_taps(gradient, kernel[::-1, ::-1], 1)


def kernel_gradient(
    images: jax.Array, gradient: jax.Array, size: int, stride: int
) -> jax.Array:
    """Gradient to the kernel.

    Args:
      images: [N, H, W, C].
      gradient: [N, ceil(H / stride), ceil(W / stride), C], to the output.
      size: k, taps a side.
      stride: step in both directions.

    Returns:
      [k, k, C], float32 at least.
    """
    exact = jnp.promote_types(images.dtype, jnp.float32)
    views = taps(materialise(pad(images, size // 2)), size, stride)
    wide = gradient.astype(exact)
    rows = []
    for row in range(size):
        products = tuple(
            view.astype(exact) * wide for view in views[row * size : (row + 1) * size]
        )
        zeros = (jnp.zeros((), exact),) * size
        rows.append(jnp.stack(lax.reduce(products, zeros, _add_all, (0, 1, 2))))
    return jnp.stack(rows)


def _add_all(
    left: tuple[jax.Array, ...], right: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    return tuple(a + b for a, b in zip(left, right, strict=True))
