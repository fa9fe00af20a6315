"""Depth-wise convolution as a kernel of its own for GPUs (Pallas, Triton).

A program adds up the taps for a few neighbouring columns (`kernels/windows.py`), in
float32 at least. Nothing is padded and no tap is kept: the gradient to the images is
the same kernel with the taps read backwards, on the gradient with stride - 1 zeros
between its entries; a program of the gradient to the kernel keeps the sums of one row
of taps in registers while it walks over pixels, and its parts are summed at the end.
On other backends the kernels are interpreted, for tests. JAX 0.11 calls Pallas' Triton
backend deprecated.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from qnas_jax.kernels.windows import (
    CHANNELS,
    Geometry,
    Window,
    call,
    convolve,
    exact_of,
)

_SHAPE = (8, 64)  # columns and pixels of a program, or of a step of one
_CHUNKS = 528  # of the kernel's gradient: four for each multiprocessor of an H100


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def by_kernel(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Convolves; sums in float32 at least.

    Args:
      images: [N, H, W, C].
      kernel: [k, k, C].
      stride: step in both directions.

    Returns:
      [N, ceil(H / stride), ceil(W / stride), C] in the images' precision.
    """
    return _convolve(images, kernel, stride, back=False)


def _forward(
    images: jax.Array, kernel: jax.Array, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return by_kernel(images, kernel, stride), (images, kernel)


def _backward(
    stride: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    images, kernel = saved
    return (
        images_gradient(images.shape, kernel, gradient, stride),
        kernel_gradient(images, gradient, kernel.shape[0], stride).astype(kernel.dtype),
    )


by_kernel.defvjp(_forward, _backward)


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
    return _convolve(gradient, kernel, 1, back=True)


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
    geometry = Geometry.of(images, stride, *_SHAPE)
    tiles, blocks = geometry.groups * geometry.parts, geometry.channel_parts
    chunks = min(pl.cdiv(_CHUNKS, blocks), tiles)
    steps = pl.cdiv(tiles, chunks)
    values = chunks * size * size * geometry.channels
    parts = call(
        functools.partial(_sum_products, geometry, size, steps),
        (chunks * size, blocks),
        jax.ShapeDtypeStruct((values,), exact_of(images)),
        stages=2,
    )(images.reshape(-1), gradient.reshape(-1))
    return parts.reshape(chunks, size, size, geometry.channels).sum(axis=0)


def _convolve(
    images: jax.Array, kernel: jax.Array, stride: int, *, back: bool
) -> jax.Array:
    geometry = Geometry.of(images, stride, *_SHAPE)
    shape = len(images), *geometry.written, geometry.channels
    output = call(
        functools.partial(_convolve_window, geometry, kernel.shape[0], back),
        (geometry.groups * geometry.parts, geometry.channel_parts),
        jax.ShapeDtypeStruct((functools.reduce(int.__mul__, shape),), images.dtype),
    )(images.reshape(-1), kernel.reshape(-1))
    return output.reshape(shape)


def _convolve_window(
    geometry: Geometry, taps: int, back: bool, images: Any, kernel: Any, output: Any
) -> None:
    first = pl.program_id(1) * CHANNELS
    window = Window.of(geometry, pl.program_id(0), first)
    window.write(output, convolve(window, images, kernel, taps, taps, back=back))


def _sum_products(
    geometry: Geometry, size: int, steps: int, images: Any, gradient: Any, output: Any
) -> None:
    """Sums over a chunk of pixels of the products of a row of taps and the gradient.

    Programs of one chunk follow each other, so that they find it in the cache.
    """
    chunk, i = lax.div(pl.program_id(0), size), lax.rem(pl.program_id(0), size)
    first = pl.program_id(1) * CHANNELS

    def step(number: jax.Array, sums: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        # Tiles beyond the last are of images that do not exist.
        window = Window.of(geometry, chunk * steps + number, first)
        seen, slopes = window.columns(images, i, size), window.written(gradient)
        new = list(sums)
        for j in range(size):
            for output, slope in enumerate(slopes):
                new[j] += seen[output * geometry.stride + j] * slope
        return tuple(new)

    zeros = jnp.zeros((geometry.lines, CHANNELS), exact_of(images))
    sums = lax.fori_loop(0, steps, step, (zeros,) * size)
    own = first + jnp.arange(CHANNELS)
    inside = own < geometry.channels
    for j, total in enumerate(sums):
        start = ((chunk * size + i) * size + j) * geometry.channels
        plgpu.store(output.at[start + own], total.sum(axis=0), mask=inside)
