"""An inverted residual in use, as three kernels for GPUs (Pallas, Triton).

How many channels and taps an op has is data. A program whose channels are beyond them
ends at once, the depth-wise convolution loops over the taps that are there, and the
last product over the channels that are there; what is beyond is neither written nor
read. So one compiled kernel costs what the op costs, not what the widest op of the
layer does. Offsets, activations and the gate are applied where values are read or
written. On other backends the kernels are interpreted, for tests.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from qnas_jax.kernels.inverted_residual import Clip, FoldedBlock, Gate

_ROWS = 128  # pixels of a program of a product
_PIXELS = 32  # pixels of a program of the convolution
_CHANNELS = 64  # channels of a program, at most
_INNER = 32  # channels that a product adds up at once
_WARPS = 4
_STAGES = 3  # of loads under way in a loop


class _Sizes(NamedTuple):
    """Of the arrays of a convolution.

    Attributes:
      read: rows and columns of the images read.
      written: likewise.
      channels: H.
      taps: of the padded kernel, in one direction.
      sizes: what an op may have of them.
      stride: in both directions.
      tile: pixels of a program.
    """

    read: tuple[int, int]
    written: tuple[int, int]
    channels: int
    taps: int
    sizes: tuple[int, ...]
    stride: int
    tile: int

    @property
    def pixels(self) -> int:
        """Pixels written of an image."""
        return self.written[0] * self.written[1]

    @property
    def tiles(self) -> int:
        """Programs of an image."""
        return pl.cdiv(self.pixels, self.tile)


def by_kernels(
    inputs: jax.Array,
    block: FoldedBlock,
    stride: int,
    sizes: tuple[int, ...],
    gate: Gate | None,
) -> jax.Array:
    """Runs a block in use; see `run_folded`."""
    width, channels = block.width, block.project.shape[0]
    hidden = inputs
    if block.expand is not None and block.expand_offset is not None:
        expand = block.expand, block.expand_offset, block.expand_clip
        hidden = _expand(inputs, *expand, width)
    values, means = _convolve(hidden, block, stride, sizes, wants_means=bool(gate))
    factors = None
    if gate is not None:
        means = jnp.where(jnp.arange(channels) < width, means, 0.0)
        factors = gate(means).astype(inputs.dtype)
    return _project(values, factors, block)


def _expand(
    images: jax.Array, kernel: jax.Array, offset: jax.Array, clip: Clip, width: Any
) -> jax.Array:
    in_features, features = kernel.shape
    rows = images.size // in_features
    columns = min(_CHANNELS // 2 if features < 4 * _CHANNELS else _CHANNELS, 128)
    body = functools.partial(_expand_tile, rows, in_features, features, columns)
    grid = pl.cdiv(rows, _ROWS), pl.cdiv(features, columns)
    output = _call(body, grid, rows * features, images.dtype)(
        images.reshape(-1),
        kernel.astype(images.dtype).reshape(-1),
        offset,
        jnp.stack(clip),
        jnp.reshape(width, 1),
    )
    return output.reshape(*images.shape[:-1], features)


def _expand_tile(
    count: int,
    in_features: int,
    features: int,
    columns: int,
    images: Any,
    kernel: Any,
    offset: Any,
    clip: Any,
    width: Any,
    output: Any,
) -> None:
    first_row, first = pl.program_id(0) * _ROWS, pl.program_id(1) * columns
    exact = _exact(images)
    inner = min(max(16, pl.next_power_of_2(in_features)), _INNER)

    @pl.when(first < width[0])
    def _() -> None:
        rows = first_row + jnp.arange(_ROWS)
        own = first + jnp.arange(columns)

        def add(step: jax.Array, total: jax.Array) -> jax.Array:
            features_in = step * inner + jnp.arange(inner)
            values = _load(images, rows, in_features, features_in, rows < count)
            weights = _load(
                kernel, features_in, features, own, features_in < in_features
            )
            return total + _dot(values, weights)

        zeros = jnp.zeros((_ROWS, columns), exact)
        total = lax.fori_loop(0, pl.cdiv(in_features, inner), add, zeros)
        total = _clip(total + _vector(offset, own, features)[None], clip)
        _store(output, rows, features, own, rows < count, total)


def _convolve(
    images: jax.Array,
    block: FoldedBlock,
    stride: int,
    sizes: tuple[int, ...],
    *,
    wants_means: bool,
) -> tuple[jax.Array, Any]:
    count, height, width, channels = images.shape
    written = -(-height // stride), -(-width // stride)
    tile = min(_PIXELS, pl.next_power_of_2(written[0] * written[1]))
    taps = block.depthwise.shape[0]
    shape = _Sizes((height, width), written, channels, taps, sizes, stride, tile)
    sums = (count * shape.tiles * channels,) if wants_means else ()
    body = functools.partial(_convolve_tile, shape)
    grid = count * shape.tiles, pl.cdiv(channels, _CHANNELS)
    found = _call(body, grid, count * shape.pixels * channels, images.dtype, *sums)(
        images.reshape(-1),
        block.depthwise.astype(images.dtype).reshape(-1),
        block.depthwise_offset,
        jnp.stack(block.depthwise_clip),
        jnp.stack([block.width, block.taps]),
    )
    output, *parts = found if wants_means else (found,)
    means = [
        each.reshape(count, shape.tiles, channels).sum(axis=1) / shape.pixels
        for each in parts
    ]
    return output.reshape(count, *written, channels), means[0] if means else None


def _convolve_tile(
    shape: _Sizes,
    images: Any,
    kernel: Any,
    offset: Any,
    clip: Any,
    numbers: Any,
    output: Any,
    *sums: Any,
) -> None:
    tile, first = pl.program_id(0), pl.program_id(1) * _CHANNELS
    arrays = images, kernel, offset, clip, output, *sums
    for size in shape.sizes:
        here = (first < numbers[0]) & (numbers[1] == size)
        pl.when(here)(functools.partial(_taps_of, shape, size, tile, first, *arrays))


def _taps_of(
    shape: _Sizes,
    size: int,
    tile: jax.Array,
    first: jax.Array,
    images: Any,
    kernel: Any,
    offset: Any,
    clip: Any,
    output: Any,
    *sums: Any,
) -> None:
    """One block of pixels of an image, with a kernel of `size` taps a side."""
    channels = shape.channels
    (height, width), columns = shape.read, shape.written[1]
    image, pixels = (
        lax.div(tile, shape.tiles),
        lax.rem(tile, shape.tiles) * shape.tile + jnp.arange(shape.tile),
    )
    own = first + jnp.arange(_CHANNELS)
    exists = pixels < shape.pixels
    top = lax.div(pixels, columns) * shape.stride - size // 2
    left = lax.rem(pixels, columns) * shape.stride - size // 2
    border = (shape.taps - size) // 2
    exact = _exact(images)

    def add_row(i: jax.Array, total: jax.Array) -> jax.Array:
        down = top + i
        line = (image * height + down) * width
        inside = exists & (down >= 0) & (down < height)
        for j in range(size):
            across = left + j
            present = inside & (across >= 0) & (across < width)
            values = _load(images, line + across, channels, own, present)
            tap = (i + border) * shape.taps + j + border
            weights = plgpu.load(
                kernel.at[tap * channels + own], mask=own < channels, other=0.0
            )
            total += values.astype(exact) * weights.astype(exact)[None]
        return total

    zeros = jnp.zeros((shape.tile, _CHANNELS), exact)
    total = lax.fori_loop(0, size, add_row, zeros)
    total = _clip(total + _vector(offset, own, channels)[None], clip)
    _store(output, image * shape.pixels + pixels, channels, own, exists, total)
    for each in sums:
        part = jnp.where(exists[:, None], total, 0.0).sum(axis=0)
        plgpu.store(each.at[tile * channels + own], part, mask=own < channels)


def _project(
    images: jax.Array, factors: jax.Array | None, block: FoldedBlock
) -> jax.Array:
    *pixel_shape, channels = images.shape
    features = block.project.shape[1]
    rows = images.size // channels
    columns = min(max(16, pl.next_power_of_2(features)), 2 * _CHANNELS)
    body = functools.partial(
        _project_tile,
        (rows, rows // len(images), channels, features, columns),
        factors is not None,
    )
    grid = pl.cdiv(rows, _ROWS), pl.cdiv(features, columns)
    gates = [] if factors is None else [factors.reshape(-1)]
    output = _call(body, grid, rows * features, images.dtype)(
        images.reshape(-1),
        block.project.astype(images.dtype).reshape(-1),
        block.project_offset,
        jnp.reshape(block.width, 1),
        *gates,
    )
    return output.reshape(*pixel_shape, features)


def _project_tile(
    sizes: tuple[int, ...],
    gated: bool,
    images: Any,
    kernel: Any,
    offset: Any,
    width: Any,
    *rest: Any,
) -> None:
    count, pixels, channels, features, columns = sizes
    *gates, output = rest
    rows = pl.program_id(0) * _ROWS + jnp.arange(_ROWS)
    own = pl.program_id(1) * columns + jnp.arange(columns)
    exact = _exact(images)
    # In whole groups of 16 channels, so that they are loaded side by side; those beyond
    # the op's own are zero, as `_expand_tile` writes whole groups.
    real = lax.min(lax.div(width[0] + 15, 16) * 16, channels)

    def add(step: jax.Array, total: jax.Array) -> jax.Array:
        hidden = step * _INNER + jnp.arange(_INNER)
        values = _load(images, rows, channels, hidden, rows < count, real)
        if gated:
            image = lax.div(rows, pixels)
            factors = _load(gates[0], image, channels, hidden, rows < count, real)
            values = (values.astype(exact) * factors.astype(exact)).astype(values.dtype)
        weights = _load(kernel, hidden, features, own, hidden < real)
        return total + _dot(values, weights)

    zeros = jnp.zeros((_ROWS, columns), exact)
    steps = lax.div(real + _INNER - 1, _INNER)
    total = lax.fori_loop(0, steps, add, zeros)
    total += _vector(offset, own, features)[None]
    _store(output, rows, features, own, rows < count, total)


def _call(
    body: Callable[..., None],
    grid: tuple[int, ...],
    size: int,
    dtype: Any,
    *sums: int,
) -> Any:
    """A call whose flat output has a size, beside flat float32 sums."""
    shapes = [jax.ShapeDtypeStruct((size,), dtype)]
    exact = jnp.promote_types(dtype, jnp.float32)
    shapes += [jax.ShapeDtypeStruct((each,), exact) for each in sums]
    return pl.pallas_call(
        body,
        out_shape=shapes if sums else shapes[0],
        grid=grid,
        interpret=jax.default_backend() != "gpu",
        compiler_params=plgpu.CompilerParams(num_warps=_WARPS, num_stages=_STAGES),
    )


def _exact(values: Any) -> Any:
    """The precision of sums: float32 at least."""
    return jnp.promote_types(values.dtype, jnp.float32)


def _load(
    matrix: Any,
    rows: jax.Array,
    width: int,
    columns: jax.Array,
    exists: jax.Array,
    limit: Any = None,
) -> jax.Array:
    """A tile [rows, columns] of a flat matrix [., width]; zero where nothing is."""
    where = (rows * width)[:, None] + columns[None]
    inside = columns < (width if limit is None else limit)
    return plgpu.load(matrix.at[where], mask=exists[:, None] & inside[None], other=0.0)


def _store(
    matrix: Any,
    rows: jax.Array,
    width: int,
    columns: jax.Array,
    exists: jax.Array,
    values: jax.Array,
) -> None:
    where = (rows * width)[:, None] + columns[None]
    here = exists[:, None] & (columns < width)[None]
    plgpu.store(matrix.at[where], values.astype(matrix.dtype), mask=here)


def _vector(offset: Any, own: jax.Array, size: int) -> jax.Array:
    return plgpu.load(offset.at[own], mask=own < size, other=0.0)


def _clip(values: jax.Array, bounds: Any) -> jax.Array:
    return jnp.minimum(jnp.maximum(values, bounds[0]), bounds[1])


def _dot(left: jax.Array, right: jax.Array) -> jax.Array:
    exact = jnp.promote_types(left.dtype, jnp.float32)
    # Float32 stays float32: products of rounded values are for lower precisions.
    precision = lax.Precision.HIGHEST if left.dtype == exact else None
    return jnp.dot(left, right, preferred_element_type=exact, precision=precision)
