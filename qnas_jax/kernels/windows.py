"""How programs of a GPU share the pixels of a depth-wise convolution (Pallas, Triton).

A program has some lines of pixels, a few neighbouring columns of each, and some
channels. The columns under the taps are loaded once for a row of taps and serve all of
its outputs, where a program of single pixels loads them anew for each tap.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

CHANNELS = 64  # of a program


class Geometry(NamedTuple):
    """Of a convolution: its arrays, and how programs share them.

    Attributes:
      batch: number of images.
      read: rows and columns of an image read.
      written: likewise.
      channels: of both.
      stride: in both directions.
      lines: of a program, of one image or of several small ones.
      outputs: neighbouring columns of a line that a program writes.
    """

    batch: int
    read: tuple[int, int]
    written: tuple[int, int]
    channels: int
    stride: int
    lines: int
    outputs: int

    @classmethod
    def of(
        cls, images: jax.Array, stride: int, outputs: int, pixels: int
    ) -> "Geometry":
        """That of a convolution.

        Args:
          images: [N, H, W, C].
          stride: in both directions.
          outputs: columns of a program, if there are so many.
          pixels: of a program; both powers of two.
        """
        count, height, width, channels = images.shape
        written = -(-height // stride), -(-width // stride)
        outputs = min(outputs, pl.next_power_of_2(written[1]))
        lines = pixels // outputs
        return cls(count, (height, width), written, channels, stride, lines, outputs)

    @property
    def rows(self) -> int:
        """Rows of an image that a program has."""
        return min(self.written[0], self.lines)

    @property
    def images(self) -> int:
        """Images that a program has lines of."""
        return self.lines // self.rows

    @property
    def groups(self) -> int:
        """Groups of so many images."""
        return pl.cdiv(self.batch, self.images)

    @property
    def column_parts(self) -> int:
        """Programs side by side."""
        return pl.cdiv(self.written[1], self.outputs)

    @property
    def parts(self) -> int:
        """Programs of a group of images."""
        return pl.cdiv(self.written[0], self.rows) * self.column_parts

    @property
    def channel_parts(self) -> int:
        """Programs for the channels."""
        return pl.cdiv(self.channels, CHANNELS)


class Window(NamedTuple):
    """The part of a program.

    Attributes:
      geometry: of the convolution.
      group: int32 [], which group of images.
      part: int32 [], which part of it.
      which: int32 [lines], of the group's images that of each line.
      image: int32 [lines], its place among all images.
      row: int32 [lines], the row written.
      exists: bool [lines].
      start: int32 [], the first column written.
      own: int32 [channels], the program's channels; some may not exist.
    """

    geometry: Geometry
    group: jax.Array
    part: jax.Array
    which: jax.Array
    image: jax.Array
    row: jax.Array
    exists: jax.Array
    start: jax.Array
    own: jax.Array

    @classmethod
    def of(cls, geometry: Geometry, tile: jax.Array, first: jax.Array) -> "Window":
        """The part of a tile, int32 [], and of the channels from `first` [] on."""
        group, part = lax.div(tile, geometry.parts), lax.rem(tile, geometry.parts)
        line = jnp.arange(geometry.lines)
        which = lax.div(line, geometry.rows)
        image = group * geometry.images + which
        down = lax.div(part, geometry.column_parts) * geometry.rows
        row = down + lax.rem(line, geometry.rows)
        exists = (which < geometry.images) & (image < geometry.batch)
        exists &= row < geometry.written[0]
        start = lax.rem(part, geometry.column_parts) * geometry.outputs
        own = first + jnp.arange(CHANNELS)
        return cls(geometry, group, part, which, image, row, exists, start, own)

    @property
    def zeros(self) -> tuple[int, int]:
        """Shape of one column of the part."""
        return self.geometry.lines, CHANNELS

    def columns(self, images: Any, i: Any, size: int) -> list[jax.Array]:
        """The columns under a row of taps, in float32 at least; zeros outside.

        Args:
          images: flat [batch, rows read, columns read, channels].
          i: the row of taps.
          size: taps in one direction.

        Returns:
          Arrays [lines, channels], (outputs - 1) * stride + size of them.
        """
        geometry, (height, width) = self.geometry, self.geometry.read
        down = self.row * geometry.stride + i - size // 2
        here = self.exists & (down >= 0) & (down < height)
        base = (self.image * height + down) * width
        seen = []
        for step in range((geometry.outputs - 1) * geometry.stride + size):
            across = self.start * geometry.stride + step - size // 2
            inside = here & ((across >= 0) & (across < width))
            seen.append(self._load(images, base + across, inside))
        return seen

    def written(self, images: Any) -> list[jax.Array]:
        """The columns written, of an array of the output's shape.

        Args:
          images: flat [batch, rows written, columns written, channels].

        Returns:
          Arrays [lines, channels] in float32 at least, one a column.
        """
        return [self._load(images, where, exists) for where, exists in self._outputs()]

    def write(self, images: Any, columns: list[jax.Array]) -> list[jax.Array]:
        """Writes columns [lines, channels]; returns which of each exist, [lines]."""
        found, channels = [], self.geometry.channels
        for (where, exists), values in zip(self._outputs(), columns, strict=True):
            places = (where * channels)[:, None] + self.own[None]
            here = exists[:, None] & (self.own < channels)[None]
            plgpu.store(images.at[places], values.astype(images.dtype), mask=here)
            found.append(exists)
        return found

    def taps(self, kernel: Any, i: Any, j: int, size: int) -> jax.Array:
        """A tap of a flat kernel [size, size, channels], [1, channels].

        In float32 at least.
        """
        channels = self.geometry.channels
        where = (i * size + j) * channels + self.own
        weights = plgpu.load(kernel.at[where], mask=self.own < channels, other=0.0)
        return weights.astype(exact_of(kernel))[None]

    def _outputs(self) -> list[tuple[jax.Array, jax.Array]]:
        rows, columns = self.geometry.written
        line = (self.image * rows + self.row) * columns
        each = [self.start + place for place in range(self.geometry.outputs)]
        return [(line + column, self.exists & (column < columns)) for column in each]

    def _load(self, images: Any, where: jax.Array, exists: jax.Array) -> jax.Array:
        channels = self.geometry.channels
        places = (where * channels)[:, None] + self.own[None]
        here = exists[:, None] & (self.own < channels)[None]
        values = plgpu.load(images.at[places], mask=here, other=0.0)
        return values.astype(exact_of(images))


def exact_of(values: Any) -> Any:
    """The precision of sums: float32 at least."""
    return jnp.promote_types(values.dtype, jnp.float32)


def convolve(
    window: Window,
    images: Any,
    kernel: Any,
    size: int,
    taps: int,
    *,
    back: bool = False,
) -> list[jax.Array]:
    """The columns of a convolution, in float32 at least.

    Args:
      window: the part.
      images: flat [batch, rows read, columns read, channels].
      kernel: flat [taps, taps, channels].
      size: how many of the taps are there in one direction, in the centre.
      taps: of the kernel.
      back: whether they are read backwards.

    Returns:
      Arrays [lines, channels], one for each column written.
    """
    border = (taps - size) // 2

    def add_row(i: Any, totals: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        seen = window.columns(images, i, size)
        new = list(totals)
        for j in range(size):
            place = (size - 1 - i, size - 1 - j) if back else (i, j)
            weights = window.taps(kernel, place[0] + border, place[1] + border, taps)
            for output in range(window.geometry.outputs):
                new[output] += seen[output * window.geometry.stride + j] * weights
        return tuple(new)

    zeros = (jnp.zeros(window.zeros, exact_of(images)),) * window.geometry.outputs
    return list(lax.fori_loop(0, size, add_row, zeros))


def call(
    body: Any, grid: tuple[int, ...], shapes: Any, *, warps: int = 4, stages: int = 3
) -> Any:
    """A kernel of Pallas; interpreted where there is no GPU."""
    return pl.pallas_call(
        body,
        out_shape=shapes,
        grid=grid,
        interpret=jax.default_backend() != "gpu",
        compiler_params=plgpu.CompilerParams(num_warps=warps, num_stages=stages),
    )
