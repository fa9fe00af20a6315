"""The stand-alone network of one architecture: what is retrained and deployed."""

from collections.abc import Iterator
from typing import Any

import jax
from flax import nnx

from qnas_jax.nets.blocks import before_the_mean
from qnas_jax.nets.build import build_op
from qnas_jax.nets.dropping import drop_branch, logits_of_walk
from qnas_jax.nets.precision import exact
from qnas_jax.spaces import NetworkSpace, check_archs


class ChainSubnet(nnx.Module):
    """Stem, the chosen op of each layer, head; holds no other weights.

    Attributes:
      stem: fixed blocks.
      layers: the chosen ops, in data order.
      head: fixed blocks; the last yields the logits.
      exact_from: the place in the head from which on values are float32 at least
        whatever came before: that of the mean over the pixels.
    """

    def __init__(self, space: NetworkSpace, arch: Any, *, rngs: nnx.Rngs):
        arch = check_archs(space, arch)
        self.stem = nnx.List(build_op(block, 0, rngs) for block in space.stem)
        self.layers = nnx.List(
            build_op(layer, index, rngs)
            for layer, index in zip(space.layers, arch.tolist(), strict=True)
        )
        self.head = nnx.List(build_op(block, 0, rngs) for block in space.head)
        self.exact_from = before_the_mean(space.head)

    def blocks(self) -> Iterator[Any]:
        """Stem, layers and head in data order."""
        yield from self.stem
        yield from self.layers
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
          drop_path: probability that the last residual layer is left out for an image;
            earlier ones less, in proportion to their depth (Huang et al. 2016).
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
          The block in words, such as `layer 3`, and its values [N, ...].
        """
        values = images
        for place, block in enumerate(self.stem):
            values = block(values)
            yield f"stem block {place}", values
        for depth, block in enumerate(self.layers, start=1):
            output = block(values).astype(values.dtype)
            if key is not None and drop_path > 0 and getattr(block, "residual", False):
                rate = drop_path * depth / len(self.layers)
                own_key = jax.random.fold_in(key, depth)
                output = values + drop_branch(own_key, rate, output - values)
            values = output
            yield f"layer {depth - 1}", values
        for place, block in enumerate(self.head):
            values = block(exact(values) if place == self.exact_from else values)
            yield f"head block {place}", values
