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
_COLUMNS = 32  # channels that it writes at once
_INNER = 32  # channels that a product adds up at once
_LINES = 16  # lines of pixels of a program of the convolution
_OUTPUTS = 4  # neighbouring pixels of each line
_CHANNELS = 64  # channels of them
_WARPS = 4
_STAGES = 3  # of loads under way in a loop


class _Sizes(NamedTuple):
    """Of the arrays of a convolution, and how programs share them.

    Attributes:
      count: images.
      read: rows and columns of an image read.
      written: likewise.
      channels: H.
      taps: of the padded kernel, in one direction.
      sizes: what an op may have of them.
      stride: in both directions.
    """

    count: int
    read: tuple[int, int]
    written: tuple[int, int]
    channels: int
    taps: int
    sizes: tuple[int, ...]
    stride: int

    @property
    def rows(self) -> int:
        """Rows of an image that a program writes."""
        return min(self.written[0], _LINES)

    @property
    def images(self) -> int:
        """Images that a program writes to: several if they are small."""
        return _LINES // self.rows

    @property
    def groups(self) -> int:
        """Groups of so many images."""
        return pl.cdiv(self.count, self.images)

    @property
    def column_parts(self) -> int:
        """Programs side by side."""
        return pl.cdiv(self.written[1], _OUTPUTS)

    @property
    def parts(self) -> int:
        """Programs of a group of images."""
        return pl.cdiv(self.written[0], self.rows) * self.column_parts


def by_kernels(
    inputs: jax.Array,
    block: FoldedBlock,
    stride: int,
    sizes: tuple[int, ...],
    gate: Gate | None,
    added: jax.Array | None,
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
    exact = _exact(images)
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
    count, height, width, channels = images.shape
    written = -(-height // stride), -(-width // stride)
    shape = _Sizes(
        count,
        (height, width),
        written,
        channels,
        block.depthwise.shape[0],
        sizes,
        stride,
    )
    parts = shape.parts
    body = functools.partial(_convolve_tile, shape)
    grid = shape.groups * parts, pl.cdiv(channels, _CHANNELS)
    sums = (shape.groups * shape.images * parts * channels,) if wants_means else ()
    pixels = written[0] * written[1]
    found = _call(body, grid, count * pixels * channels, images.dtype, *sums)(
        images.reshape(-1),
        block.depthwise.astype(images.dtype).reshape(-1),
        block.depthwise_offset,
        jnp.stack(block.depthwise_clip),
        jnp.stack([block.width, block.taps]),
    )
    output = found[0] if wants_means else found
    means = None
    if wants_means:
        means = found[1].reshape(-1, parts, channels)[:count].sum(axis=1) / pixels
    return output.reshape(count, *written, channels), means


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
    """Neighbouring columns of some lines, with a kernel of `size` taps a side.

    The columns under the taps are loaded once a line of taps, and serve all outputs.
    """
    channels, exact = shape.channels, _exact(images)
    (height, width), (rows, columns) = shape.read, shape.written
    group, part = lax.div(tile, shape.parts), lax.rem(tile, shape.parts)
    row_part, column_part = (
        lax.div(part, shape.column_parts),
        lax.rem(part, shape.column_parts),
    )
    line = jnp.arange(_LINES)
    which = lax.div(line, shape.rows)  # of the images of the tile
    image = group * shape.images + which
    row = row_part * shape.rows + lax.rem(line, shape.rows)
    exists = (which < shape.images) & (image < shape.count) & (row < rows)
    start = column_part * _OUTPUTS
    own = first + jnp.arange(_CHANNELS)
    border = (shape.taps - size) // 2

    def add_row(i: Any, totals: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        down = row * shape.stride + i - size // 2
        here = exists & (down >= 0) & (down < height)
        base = (image * height + down) * width
        seen = []
        for step in range((_OUTPUTS - 1) * shape.stride + size):
            across = start * shape.stride + step - size // 2
            inside = here & ((across >= 0) & (across < width))
            values = _load(images, base + across, channels, own, inside)
            seen.append(values.astype(exact))
        new = list(totals)
        for j in range(size):
            tap = (i + border) * shape.taps + j + border
            weights = plgpu.load(
                kernel.at[tap * channels + own], mask=own < channels, other=0.0
            ).astype(exact)[None]
            for place in range(_OUTPUTS):
                new[place] += seen[place * shape.stride + j] * weights
        return tuple(new)

    zeros = (jnp.zeros((_LINES, _CHANNELS), exact),) * _OUTPUTS
    totals = lax.fori_loop(0, size, add_row, zeros)
    added, wanted = _vector(offset, own, channels)[None], zeros[0]
    for place, total in enumerate(totals):
        column = start + place
        present = exists & (column < columns)
        total = _clip(total + added, clip)
        where = (image * rows + row) * columns + column
        _store(output, where, channels, own, present, total)
        wanted += jnp.where(present[:, None], total, 0.0)
    for each in sums:
        for number in range(shape.images):
            total = jnp.where((which == number)[:, None], wanted, 0.0).sum(axis=0)
            place = (group * shape.images + number) * shape.parts + part
            plgpu.store(each.at[place * channels + own], total, mask=own < channels)


def _project(
    images: jax.Array,
    factors: jax.Array | None,
    block: FoldedBlock,
    added: jax.Array | None,
) -> jax.Array:
    *pixel_shape, channels = images.shape
    features = block.project.shape[1]
    rows = images.size // channels
    columns = min(max(16, pl.next_power_of_2(features)), 4 * _COLUMNS)
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
    exact = _exact(images)
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
