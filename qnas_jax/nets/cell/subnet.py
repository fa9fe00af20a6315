"""The stand-alone network of one cell: what is retrained and deployed."""

from collections.abc import Iterator
from typing import Any

import jax
from flax import nnx

from qnas_jax.nets.blocks import before_the_mean
from qnas_jax.nets.build import build_op
from qnas_jax.nets.dropping import drop_branch, logits_of_walk
from qnas_jax.nets.ops import Skip
from qnas_jax.nets.precision import exact
from qnas_jax.spaces import CellSpace, Layer, check_archs


class Cell(nnx.Module):
    """One cell: an op on each edge, every node the sum of what arrives.

    Attributes:
      ops: of each edge.
      edges: (from, to) of each.
    """

    def __init__(
        self,
        layer: Layer,
        edges: tuple[tuple[int, int], ...],
        arch: list[int],
        *,
        rngs: nnx.Rngs,
    ):
        self.ops = nnx.List(build_op(layer, index, rngs) for index in arch)
        self.edges = edges

    def __call__(
        self, values: jax.Array, *, rate: float = 0.0, key: jax.Array | None = None
    ) -> jax.Array:
        """[N, H, W, C] -> [N, H, W, C]; drops edges at this rate with a key."""
        nodes: dict[int, jax.Array] = {0: values}
        for number, ((before, after), op) in enumerate(
            zip(self.edges, self.ops, strict=True)
        ):
            output = op(nodes[before]).astype(values.dtype)
            if key is not None and not isinstance(op, Skip):
                output = drop_branch(jax.random.fold_in(key, number), rate, output)
            nodes[after] = nodes[after] + output if after in nodes else output
        return nodes[max(nodes)]


class CellSubnet(nnx.Module):
    """Stem, stages of cells with reductions between them, head; no other weights.

    Attributes:
      stem: fixed blocks.
      stages: lists of `Cell`.
      reductions: the block before each stage but the first.
      head: fixed blocks; the last yields the logits.
      exact_from: the place in the head from which on values are float32 at least
        whatever came before: that of the mean over the pixels.
    """

    def __init__(self, space: CellSpace, arch: Any, *, rngs: nnx.Rngs):
        ops = check_archs(space, arch).tolist()
        self.stem, self.reductions, self.head = (
            nnx.List(build_op(block, 0, rngs) for block in blocks)
            for blocks in (space.stem, space.reductions, space.head)
        )
        self.exact_from = before_the_mean(space.head)
        self.stages = nnx.List(
            nnx.List(
                Cell(layer, space.edges, ops, rngs=rngs) for _ in range(space.cells)
            )
            for layer in space.edge_layers
        )

    def fixed_blocks(self) -> Iterator[Any]:
        """Stem, reductions and head."""
        yield from self.stem
        yield from self.reductions
        yield from self.head

    def __call__(
        self,
        images: jax.Array,
        *,
        drop_path: float = 0.0,
        key: jax.Array | None = None,
    ) -> jax.Array:
        """Computes the logits.

        Args:
          images: float [N, H, W, C].
          drop_path: probability that an edge of the last cell, unless it is a skip, is
            left out for an image; of earlier cells less, in proportion to their depth
            (Zoph et al. 2018, ScheduledDropPath, which grows with the training step).
          key: needed if drop_path > 0; consumed.

        Returns:
          float [N, num_classes].

        Raises:
          UserError: drop_path > 0 without a key.
        """
        return logits_of_walk(self, images, drop_path, key)

    def walk(
        self, images: jax.Array, drop_path: float = 0.0, key: jax.Array | None = None
    ) -> Iterator[tuple[str, jax.Array]]:
        """What comes out of each block, see `__call__`.

        Yields:
          The block in words, such as `cell 3`, and its values [N, ...].
        """
        values = images
        for place, block in enumerate(self.stem):
            values = block(values)
            yield f"stem block {place}", values
        depth, num_cells = 0, sum(len(cells) for cells in self.stages)
        for stage, cells in enumerate(self.stages):
            if stage > 0:
                values = self.reductions[stage - 1](values)
                yield f"reduction {stage - 1}", values
            for cell in cells:
                depth += 1
                if key is not None and drop_path > 0:
                    rate = drop_path * depth / num_cells
                    own_key = jax.random.fold_in(key, depth)
                    values = cell(values, rate=rate, key=own_key)
                else:
                    values = cell(values)
                yield f"cell {depth - 1}", values
        for place, block in enumerate(self.head):
            values = block(exact(values) if place == self.exact_from else values)
            yield f"head block {place}", values
