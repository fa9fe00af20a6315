"""As many paths as a place has ops, all ops once: strict fairness in one pass.

Paths of strict fairness (Chu et al. 2021, FairNAS) choose different ops at every place.
So each op runs once, at its own size, on the values of the path that chose it: no op is
padded and none is switched to. Between places the values change theirs.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from qnas_jax.errors import UserError
from qnas_jax.nets.flat import Mode
from qnas_jax.nets.pieces import OpTemplate
from qnas_jax.nets.precision import as_row
from qnas_jax.spaces import SearchSpace


def check_once(space: SearchSpace, archs: jax.Array) -> None:
    """Checks that paths can choose each op once.

    Args:
      space: the search space.
      archs: int32 [S, L].

    Raises:
      UserError: some place does not have S ops.
    """
    if set(space.num_ops) != {len(archs)}:
        raise UserError(
            f"apply_paths, once: got {len(archs)} paths in space {space.name!r} with "
            f"{sorted(set(space.num_ops))} ops a layer, expected as many in all layers"
        )


class Mixed(NamedTuple):
    """Values of K paths, in any order.

    Attributes:
      values: [K, N, ...].
      places: int32 [K], where the values of each path stand.
    """

    values: jax.Array
    places: jax.Array

    def in_order(self) -> jax.Array:
        """The values, path by path, [K, N, ...]."""
        return move(self.values, self.places)


def run_each_once(
    templates: tuple[OpTemplate, ...],
    mode: Mode,
    ops: jax.Array,
    params: jax.Array,
    stats: jax.Array,
    mixed: Mixed,
) -> tuple[Mixed, jax.Array]:
    """Runs all ops of a place, each on the values of the path that chose it.

    Args:
      templates: the candidates.
      mode: how batch normalisation behaves.
      ops: int32 [K], the op of each path: a permutation.
      params: the rows of all ops [K, D].
      stats: their running statistics [K, S].
      mixed: the values of all paths.

    Returns:
      The outputs, and the new statistics [K, S].
    """
    values = move(as_row(mixed.values, params), mixed.places[jnp.argsort(ops)])
    outputs, rows = zip(
        *(
            template.apply(mode, params[op], stats[op], values[op])
            for op, template in enumerate(templates)
        ),
        strict=True,
    )
    return Mixed(jnp.stack(outputs), ops), jnp.stack(rows)


@jax.custom_vjp
def move(values: jax.Array, order: jax.Array) -> jax.Array:
    """Values [K, ...] in another order, a permutation int32 [K]: [K, ...]."""
    return jnp.take(values, order, axis=0)


def _move_forward(values: jax.Array, order: jax.Array) -> tuple[jax.Array, jax.Array]:
    return move(values, order), order


def _move_backward(order: jax.Array, gradient: jax.Array) -> tuple[jax.Array, None]:
    return jnp.take(gradient, jnp.argsort(order), axis=0), None


move.defvjp(_move_forward, _move_backward)
