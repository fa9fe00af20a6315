"""Depth-wise convolution as a kernel of its own for GPUs (Pallas, Triton).

A program takes a block of output pixels and channels and adds up the taps, in float32
at least; what neighbouring pixels share comes from the cache. Nothing is padded and no
tap is kept: the gradient to the images is the same kernel with the taps read backwards,
the gradient to the kernel keeps k * k sums in registers while it walks over pixels, and
its parts are summed at the end. On other backends the kernels are interpreted, for
tests. Last run on an H100 with JAX 0.11.2, which calls Pallas' Triton backend
deprecated.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

_CHANNELS = 64  # of a program
_PIXELS = 32  # of a program of the convolution
_PIXELS_AT_ONCE = 8  # of a program of the kernel's gradient, a step
_PROGRAMS = 1056  # of the kernel's gradient: eight for each multiprocessor of an H100


class _Sizes(NamedTuple):
    """Of images read, of the output written, taps and stride."""

    read: tuple[int, int]
    written: tuple[int, int]
    pixels: int  # written, of all images
    channels: int
    taps: int
    stride: int


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
    count, height, width, channels = images.shape
    rows, columns = -(-height // stride), -(-width // stride)
    taps = kernel.shape[0]
    sizes = _Sizes(
        (height, width),
        (rows, columns),
        count * rows * columns,
        channels,
        taps,
        stride,
    )
    output = _call(_add_taps, sizes, images, kernel)
    return output.reshape(count, rows, columns, channels)


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
    """Gradient to images of a shape, given that to the output."""
    count, height, width, channels = shape
    sizes = _Sizes(
        (gradient.shape[1], gradient.shape[2]),
        (height, width),
        count * height * width,
        channels,
        kernel.shape[0],
        stride,
    )
    return _call(_take_taps_back, sizes, gradient, kernel).reshape(shape)


def kernel_gradient(
    images: jax.Array, gradient: jax.Array, size: int, stride: int
) -> jax.Array:
    """Gradient to a kernel of `size` taps a side, float32 at least."""
    _, height, width, channels = images.shape
    count, rows, columns, _ = gradient.shape
    sizes = _Sizes(
        (height, width),
        (rows, columns),
        count * rows * columns,
        channels,
        size,
        stride,
    )
    blocks = pl.cdiv(channels, _CHANNELS)
    most = pl.cdiv(sizes.pixels, _PIXELS_AT_ONCE)
    chunks = min(pl.cdiv(_PROGRAMS, blocks), most)
    steps = pl.cdiv(most, chunks)
    parts = pl.pallas_call(
        functools.partial(_sum_products, sizes, steps),
        out_shape=jax.ShapeDtypeStruct(
            (chunks * size * size * channels,), _exact(images)
        ),
        grid=(chunks, blocks),
        interpret=_interpreted(),
        **_options(),
    )(images.reshape(-1), gradient.reshape(-1))
    return parts.reshape(chunks, size, size, channels).sum(axis=0)


def _call(
    body: Callable[..., None], sizes: _Sizes, images: jax.Array, kernel: jax.Array
) -> jax.Array:
    grid = pl.cdiv(sizes.pixels, _PIXELS), pl.cdiv(sizes.channels, _CHANNELS)
    shape = (sizes.pixels * sizes.channels,)
    return pl.pallas_call(
        functools.partial(body, sizes),
        out_shape=jax.ShapeDtypeStruct(shape, images.dtype),
        grid=grid,
        interpret=_interpreted(),
        **_options(),
    )(images.reshape(-1), kernel.reshape(-1))


def _exact(values: Any) -> Any:
    """The precision of sums: float32 at least."""
    return jnp.promote_types(values.dtype, jnp.float32)


def _interpreted() -> bool:
    return jax.default_backend() != "gpu"


def _options() -> dict[str, Any]:
    return {"compiler_params": plgpu.CompilerParams(num_warps=4, num_stages=2)}


def _places(sizes: _Sizes, pixels: jax.Array) -> tuple[jax.Array, ...]:
    """Image, row and column of pixels of the output."""
    rows, columns = sizes.written
    line = lax.div(pixels, columns)
    return lax.div(line, rows), lax.rem(line, rows), lax.rem(pixels, columns)


def _tile(
    sizes: _Sizes,
    image: jax.Array,
    row: jax.Array,
    column: jax.Array,
    exists: jax.Array,
    channels: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Where pixels [P] x channels [C] lie in the images read, and which exist."""
    height, width = sizes.read
    exists &= (row >= 0) & (row < height) & (column >= 0) & (column < width)
    start = ((image * height + row) * width + column) * sizes.channels
    here = exists[:, None] & (channels < sizes.channels)[None]
    return start[:, None] + channels[None], here


def _add_taps(sizes: _Sizes, images: Any, kernel: Any, output: Any) -> None:
    """One block of the convolution: pixel (r, c) reads (r s + i - b, c s + j - b)."""

    def source(row: jax.Array, column: jax.Array, i: int, j: int) -> Any:
        border = sizes.taps // 2
        across = column * sizes.stride + j - border
        return row * sizes.stride + i - border, across, row >= 0

    _block(sizes, source, images, kernel, output)


def _take_taps_back(sizes: _Sizes, gradient: Any, kernel: Any, output: Any) -> None:
    """One block of its transpose: pixel (r, c) reads ((r + b - i) / s, ...)."""

    def source(row: jax.Array, column: jax.Array, i: int, j: int) -> Any:
        border, stride = sizes.taps // 2, sizes.stride
        down, across = row + border - i, column + border - j
        exists = (down >= 0) & (across >= 0)
        if stride == 1:
            return down, across, exists
        exists &= (lax.rem(down, stride) == 0) & (lax.rem(across, stride) == 0)
        return lax.div(down, stride), lax.div(across, stride), exists

    _block(sizes, source, gradient, kernel, output)


def _block(
    sizes: _Sizes, source: Callable[..., Any], images: Any, kernel: Any, output: Any
) -> None:
    pixels = pl.program_id(0) * _PIXELS + jnp.arange(_PIXELS)
    channels = pl.program_id(1) * _CHANNELS + jnp.arange(_CHANNELS)
    image, row, column = _places(sizes, pixels)
    exact = _exact(images)
    total = jnp.zeros((_PIXELS, _CHANNELS), exact)
    for tap in range(sizes.taps**2):
        down, across, exists = source(row, column, *divmod(tap, sizes.taps))
        exists &= pixels < sizes.pixels
        where, here = _tile(sizes, image, down, across, exists, channels)
        values = plgpu.load(images.at[where], mask=here, other=0.0)
        weights = plgpu.load(
            kernel.at[tap * sizes.channels + channels],
            mask=channels < sizes.channels,
            other=0.0,
        )
        total += values.astype(exact) * weights.astype(exact)[None]
    where = (pixels * sizes.channels)[:, None] + channels[None]
    here = (pixels < sizes.pixels)[:, None] & (channels < sizes.channels)[None]
    plgpu.store(output.at[where], total.astype(output.dtype), mask=here)


def _sum_products(
    sizes: _Sizes, steps: int, images: Any, gradient: Any, output: Any
) -> None:
    """Sums over a chunk of pixels of the products of each tap and the gradient."""
    channels = pl.program_id(1) * _CHANNELS + jnp.arange(_CHANNELS)
    inside = channels < sizes.channels
    border = sizes.taps // 2
    exact = _exact(images)
    first = pl.program_id(0) * steps

    def step(number: jax.Array, sums: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        pixels = (first + number) * _PIXELS_AT_ONCE + jnp.arange(_PIXELS_AT_ONCE)
        exists = pixels < sizes.pixels
        image, row, column = _places(sizes, pixels)
        where = (pixels * sizes.channels)[:, None] + channels[None]
        slopes = plgpu.load(
            gradient.at[where], mask=exists[:, None] & inside[None], other=0.0
        ).astype(exact)
        new = []
        for tap, total in enumerate(sums):
            i, j = divmod(tap, sizes.taps)
            down = row * sizes.stride + i - border
            across = column * sizes.stride + j - border
            where, here = _tile(sizes, image, down, across, exists, channels)
            values = plgpu.load(images.at[where], mask=here, other=0.0)
            new.append(total + values.astype(exact) * slopes)
        return tuple(new)

    zeros = jnp.zeros((_PIXELS_AT_ONCE, _CHANNELS), exact)
    sums = jax.lax.fori_loop(0, steps, step, (zeros,) * sizes.taps**2)
    for tap, total in enumerate(sums):
        start = (pl.program_id(0) * sizes.taps**2 + tap) * sizes.channels
        plgpu.store(output.at[start + channels], total.sum(axis=0), mask=inside)
