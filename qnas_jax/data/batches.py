"""Order of the examples and the batches of a step, as functions of a key.

Nothing is iterated: a step's batch follows from (key, epoch, step), so that a resumed
run sees what an uninterrupted one would have seen.
"""

import chex
import jax
import jax.numpy as jnp

from qnas_jax.data.dataset import Split
from qnas_jax.errors import UserError


def on_device(split: Split) -> tuple[jax.Array, jax.Array]:
    """Copies a split to the default device: inputs [N, ...] and targets [N, ...]."""
    return jnp.asarray(split.inputs), jnp.asarray(split.targets)


def epoch_order(key: jax.Array, epoch: int | jax.Array, num_examples: int) -> jax.Array:
    """Order of the examples in one epoch.

    Args:
      key: the stream's key; every epoch folds its number into it.
      epoch: [] >= 0, may be traced.
      num_examples: N, static.

    Returns:
      int32 [N], a permutation of 0..N-1 that depends on (key, epoch) alone.
    """
    order = jax.random.permutation(jax.random.fold_in(key, epoch), num_examples)
    return order.astype(jnp.int32)


def num_steps(num_examples: int, batch_size: int) -> int:
    """Full batches in an epoch; the rest of the order is left out.

    Raises:
      UserError: not even one batch can be filled.
    """
    if not 1 <= batch_size <= num_examples:
        raise UserError(
            f"batch_size: got {batch_size}, expected 1..{num_examples}, "
            "the number of examples"
        )
    return num_examples // batch_size


def take_batch(
    inputs: jax.Array,
    targets: jax.Array,
    order: jax.Array,
    step: int | jax.Array,
    batch_size: int,
) -> tuple[jax.Array, jax.Array]:
    """The examples of one step.

    Args:
      inputs: [N, ...].
      targets: [N, ...].
      order: int32 [N], from `epoch_order`.
      step: [] int, 0 .. num_steps - 1, may be traced.
      batch_size: B, static.

    Returns:
      Inputs [B, ...] and targets [B, ...].
    """
    chex.assert_rank(order, 1)
    chex.assert_equal_shape_prefix([inputs, targets, order], 1)
    indices = jax.lax.dynamic_slice_in_dim(order, step * batch_size, batch_size)
    return (
        jnp.take(inputs, indices, axis=0, mode="clip"),
        jnp.take(targets, indices, axis=0, mode="clip"),
    )
