"""As many paths as a layer has ops, all ops once a layer: strict fairness in one pass.

Paths of strict fairness (Chu et al. 2021, FairNAS) choose different ops in every layer.
So each op runs once, at its own size, on the values of the path that chose it: no op is
padded and none is switched to. Between layers the values change places.
"""

from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.errors import UserError
from qnas_jax.nets.build import op_templates
from qnas_jax.nets.chain.equal_layers import EqualLayers, join_equal_layers
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.slots import Slots
from qnas_jax.spaces import NetworkSpace


class EachOpOnce:
    """K paths that choose each of the K ops of every layer once.

    Attributes:
      space: what it was built from.
      num_paths: K.
    """

    def __init__(self, space: NetworkSpace):
        """Builds the templates of all ops; no array is made.

        Args:
          space: the search space.

        Raises:
          UserError: the layers differ in their number of ops.
        """
        counts = set(space.num_ops)
        if len(counts) != 1:
            raise UserError(
                f"space {space.name!r}: got layers of {sorted(counts)} ops, expected "
                "the same number in all"
            )
        self.space = space
        self.num_paths = counts.pop()
        self._fixed = tuple(op_templates(block)[0] for block in space.stem + space.head)
        self._equal = join_equal_layers(space.layers)

    def apply(
        self,
        params: Slots,
        stats: Slots,
        archs: jax.Array,
        images: jax.Array,
        *,
        mode: Mode,
        precision: str | None = None,
    ) -> tuple[jax.Array, Slots]:
        """Runs all paths on the same images.

        Args:
          params: the supernet's parameters, float32.
          stats: its running statistics.
          archs: int32 [K, L], each column a permutation of the ops.
          images: float [N, H, W, C].
          mode: how batch normalisation behaves.
          precision: of values and products, None for that of the images; sums,
            statistics and the last block are float32 at least.

        Returns:
          Logits [K, N, num_classes] and the new statistics of all ops. The stem runs
          once; the head runs for each path, and its new statistics are their mean.
        """
        found: list[jax.Array] = []
        num_stem, num_fixed = len(self.space.stem), len(self._fixed)
        values = images.astype(precision or images.dtype)
        for block in range(num_stem):
            values = self._run_fixed(block, params, stats, values, mode, found)
        values = jnp.broadcast_to(values[None], (self.num_paths, *values.shape))
        layer_stats = []
        places = jnp.arange(self.num_paths)  # where the values of a path stand
        for equal in self._equal:
            values, places, rows = self._run_equal(
                equal, params, stats, archs, values, places, mode
            )
            layer_stats.extend(rows)

        def head(values: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
            own: list[jax.Array] = []
            for block in range(num_stem, num_fixed):
                if block == num_fixed - 1:
                    values = values.astype(jnp.promote_types(values.dtype, jnp.float32))
                values = self._run_fixed(block, params, stats, values, mode, own)
            return values, own

        logits, head_stats = jax.vmap(head)(move(values, places))
        found.extend(rows.mean(axis=0) for rows in head_stats)
        return logits, {"fixed": found, "layers": layer_stats}

    def _run_equal(
        self,
        equal: EqualLayers,
        params: Slots,
        stats: Slots,
        archs: jax.Array,
        values: jax.Array,
        places: jax.Array,
        mode: Mode,
    ) -> tuple[jax.Array, jax.Array, list[jax.Array]]:
        def step(carry: Any, each: Any) -> Any:
            values, places = carry
            ops, own_params, own_stats = each
            paths = jnp.argsort(ops)  # the path that chose each op
            values = move(values, places[paths])
            outputs, rows = [], []
            for op, template in enumerate(equal.templates):
                row = own_params[op].astype(values.dtype)
                output, new = template.apply(mode, row, own_stats[op], values[op])
                outputs.append(output)
                rows.append(new)
            return (jnp.stack(outputs), ops), jnp.stack(rows)

        own = equal.places
        ops, own_params, own_stats = (
            archs[:, own].T,
            params["layers"][own],
            stats["layers"][own],
        )
        carry = values, places
        if equal.count > 1:
            stacked = ops, jnp.stack(own_params), jnp.stack(own_stats)
            carry, rows = jax.lax.scan(step, carry, stacked)
            return (*carry, list(rows))
        found = []
        for layer in zip(ops, own_params, own_stats, strict=True):
            carry, row = step(carry, layer)
            found.append(row)
        return (*carry, found)

    def _run_fixed(
        self,
        block: int,
        params: Slots,
        stats: Slots,
        values: jax.Array,
        mode: Mode,
        found: list[jax.Array],
    ) -> jax.Array:
        row = params["fixed"][block].astype(values.dtype)
        values, new = self._fixed[block].apply(mode, row, stats["fixed"][block], values)
        found.append(new)
        return values


@jax.custom_vjp
def move(values: jax.Array, order: jax.Array) -> jax.Array:
    """Values [K, ...] in another order, a permutation of [K]."""
    return jnp.take(values, order, axis=0)


def _move_forward(values: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
    return move(values, order), order


def _move_backward(order: jax.Array, gradient: jax.Array) -> tuple[jax.Array, None]:
    return jnp.take(gradient, jnp.argsort(order), axis=0), None


move.defvjp(_move_forward, _move_backward)
