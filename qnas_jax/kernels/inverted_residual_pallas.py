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
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from qnas_jax.kernels.folded_block import Clip, FoldedBlock, Gate
from qnas_jax.kernels.windows import (
    CHANNELS,
    Geometry,
    Window,
    call,
    convolve,
    exact_of,
)

_ROWS = 128  # pixels of a program of a product
_COLUMNS = 64  # channels that it writes at once
_INNER = 32  # channels that a product adds up at once
_SHAPE = (8, 64)  # columns and pixels of a program of the convolution


def by_kernels(
    inputs: jax.Array,
    block: FoldedBlock,
    stride: int,
    sizes: tuple[int, ...],
    gate: Gate | None,
    added: jax.Array | None,
) -> jax.Array:
    """Runs a block in use, [N, H, W, C_in] -> [N, H', W', C_out]; see `run_folded`."""
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
    return _project(values, factors, block, added)


def _expand(
    images: jax.Array, kernel: jax.Array, offset: jax.Array, clip: Clip, width: Any
) -> jax.Array:
    in_features, features = kernel.shape
    rows = images.size // in_features
    body = functools.partial(_expand_tile, rows, in_features, features)
    grid = (pl.cdiv(rows, _ROWS),)
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
    images: Any,
    kernel: Any,
    offset: Any,
    clip: Any,
    width: Any,
    output: Any,
) -> None:
    """Some pixels: their channels, `_COLUMNS` at once, as far as there are any."""
    exact = exact_of(images)
    inner = min(max(16, pl.next_power_of_2(in_features)), 2 * _INNER)
    steps = pl.cdiv(in_features, inner)
    rows = pl.program_id(0) * _ROWS + jnp.arange(_ROWS)

    def values_of(step: Any) -> jax.Array:
        own = step * inner + jnp.arange(inner)
        return _load(images, rows, in_features, own, rows < count)

    once = values_of(0) if steps == 1 else None

    def write(block: jax.Array, _: None) -> None:
        own = block * _COLUMNS + jnp.arange(_COLUMNS)

        def add(step: Any, total: jax.Array) -> jax.Array:
            rows_in = step * inner + jnp.arange(inner)
            weights = _load(kernel, rows_in, features, own, rows_in < in_features)
            values = values_of(step) if once is None else once
            return total + _dot(values, weights)

        zeros = jnp.zeros((_ROWS, _COLUMNS), exact)
        total = add(0, zeros) if steps == 1 else lax.fori_loop(0, steps, add, zeros)
        total = _clip(total + _vector(offset, own, features)[None], clip)
        _store(output, rows, features, own, rows < count, total)

    lax.fori_loop(0, lax.div(width[0] + _COLUMNS - 1, _COLUMNS), write, None)


def _convolve(
    images: jax.Array,
    block: FoldedBlock,
    stride: int,
    sizes: tuple[int, ...],
    *,
    wants_means: bool,
) -> tuple[jax.Array, Any]:
    shape = Geometry.of(images, stride, *_SHAPE)
    count, channels, written = len(images), shape.channels, shape.written
    pixels, parts = written[0] * written[1], shape.parts
    shapes = [jax.ShapeDtypeStruct((count * pixels * channels,), images.dtype)]
    if wants_means:
        sums = shape.groups * shape.images * parts * channels
        shapes.append(jax.ShapeDtypeStruct((sums,), exact_of(images)))
    found = call(
        functools.partial(_convolve_tile, shape, sizes, block.depthwise.shape[0]),
        (shape.groups * parts, shape.channel_parts),
        shapes,
    )(
        images.reshape(-1),
        block.depthwise.astype(images.dtype).reshape(-1),
        block.depthwise_offset,
        jnp.stack(block.depthwise_clip),
        jnp.stack([block.width, block.taps]),
    )
    means = None
    if wants_means:
        means = found[1].reshape(-1, parts, channels)[:count].sum(axis=1) / pixels
    return found[0].reshape(count, *written, channels), means


def _convolve_tile(
    shape: Geometry,
    sizes: tuple[int, ...],
    taps: int,
    images: Any,
    kernel: Any,
    offset: Any,
    clip: Any,
    numbers: Any,
    output: Any,
    *sums: Any,
) -> None:
    tile, first = pl.program_id(0), pl.program_id(1) * CHANNELS

    def run(size: int) -> None:
        window = Window.of(shape, tile, first)
        added = _vector(offset, window.own, shape.channels)[None]
        columns = convolve(window, images, kernel, size, taps)
        columns = [_clip(each + added, clip) for each in columns]
        exist = window.write(output, columns)
        for each in sums:
            _write_sums(window, columns, exist, each)

    for size in sizes:
        here = (first < numbers[0]) & (numbers[1] == size)
        pl.when(here)(functools.partial(run, size))


def _write_sums(
    window: Window, columns: list[jax.Array], exist: list[jax.Array], sums: Any
) -> None:
    """The sum over the pixels that were written, for each image."""
    shape, channels = window.geometry, window.geometry.channels
    total = jnp.zeros_like(columns[0])
    for values, exists in zip(columns, exist, strict=True):
        total += jnp.where(exists[:, None], values, 0.0)
    for number in range(shape.images):
        own = jnp.where((window.which == number)[:, None], total, 0.0).sum(axis=0)
        place = (window.group * shape.images + number) * shape.parts + window.part
        where = place * channels + window.own
        plgpu.store(sums.at[where], own, mask=window.own < channels)


def _project(
    images: jax.Array,
    factors: jax.Array | None,
    block: FoldedBlock,
    added: jax.Array | None,
) -> jax.Array:
    *pixel_shape, channels = images.shape
    features = block.project.shape[1]
    rows = images.size // channels
    columns = min(max(16, pl.next_power_of_2(features)), 128)
    body = functools.partial(
        _project_tile,
        (rows, rows // len(images), channels, features, columns),
        (factors is not None, added is not None),
    )
    grid = pl.cdiv(rows, _ROWS), pl.cdiv(features, columns)
    more = [each.reshape(-1) for each in (factors, added) if each is not None]
    output = _call(body, grid, rows * features, images.dtype)(
        images.reshape(-1),
        block.project.astype(images.dtype).reshape(-1),
        block.project_offset,
        jnp.reshape(block.width, 1),
        *more,
    )
    return output.reshape(*pixel_shape, features)


def _project_tile(
    sizes: tuple[int, ...],
    given: tuple[bool, bool],
    images: Any,
    kernel: Any,
    offset: Any,
    width: Any,
    *rest: Any,
) -> None:
    count, pixels, channels, features, columns = sizes
    *more, output = rest
    gated, added = given
    rows = pl.program_id(0) * _ROWS + jnp.arange(_ROWS)
    own = pl.program_id(1) * columns + jnp.arange(columns)
    exact = exact_of(images)
    # In whole groups of 16 channels, so that they are loaded side by side; those beyond
    # the op's own are zero, as `_expand_tile` writes whole groups.
    real = lax.min(lax.div(width[0] + 15, 16) * 16, channels)

    def add(step: jax.Array, total: jax.Array) -> jax.Array:
        hidden = step * _INNER + jnp.arange(_INNER)
        values = _load(images, rows, channels, hidden, rows < count, real)
        if gated:
            image = lax.div(rows, pixels)
            factors = _load(more[0], image, channels, hidden, rows < count, real)
            values = (values.astype(exact) * factors.astype(exact)).astype(values.dtype)
        weights = _load(kernel, hidden, features, own, hidden < real)
        return total + _dot(values, weights)

    zeros = jnp.zeros((_ROWS, columns), exact)
    steps = lax.div(real + _INNER - 1, _INNER)
    total = lax.fori_loop(0, steps, add, zeros)
    total += _vector(offset, own, features)[None]
    if added:
        total += _load(more[-1], rows, features, own, rows < count).astype(exact)
    _store(output, rows, features, own, rows < count, total)


def _call(
    body: Callable[..., None], grid: tuple[int, ...], size: int, dtype: Any
) -> Any:
    return call(body, grid, jax.ShapeDtypeStruct((size,), dtype))


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
