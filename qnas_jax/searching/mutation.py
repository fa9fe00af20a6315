"""Mutation: another op for one random layer, and what it does to probabilities."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.observation import own_ops


def mutate(key: Array, arch: Array, num_ops: tuple[int, ...]) -> Array:
    """Gives one random layer another op, uniformly among its others.

    Args:
      key: consumed.
      arch: int32 [L].
      num_ops: (K_1, ..., K_L); layers of one op are left alone.

    Returns:
      int32 [L]; the arch itself if no layer has two ops.
    """
    places = np.flatnonzero(np.asarray(num_ops) > 1)
    if places.size == 0:
        return arch
    layer_key, op_key = jax.random.split(key)
    layer = jax.random.choice(layer_key, jnp.asarray(places, jnp.int32))
    count = jnp.asarray(num_ops, jnp.int32)[layer]
    step = jax.random.randint(op_key, (), 1, count)
    return arch.at[layer].set((arch[layer] + step) % count)


def mutated_probabilities(table: Array, num_ops: tuple[int, ...]) -> Array:
    """Probabilities of ops after `mutate`, from those before.

    Args:
      table: [L, K_max] probabilities of each layer's ops.
      num_ops: (K_1, ..., K_L).

    Returns:
      [L, K_max].
    """
    counts = np.asarray(num_ops)
    chance = (counts > 1) / max(int(np.sum(counts > 1)), 1)
    return with_other_ops(table, jnp.asarray(chance, jnp.float32), num_ops)


def with_other_ops(table: Array, chance: Array, num_ops: tuple[int, ...]) -> Array:
    """Probabilities of ops after some layers got another op, uniformly.

    Args:
      table: [L, K_max] probabilities of each layer's ops.
      chance: [L], in [0, 1], that a layer gets another one; 0 for layers of one op.
      num_ops: (K_1, ..., K_L).

    Returns:
      [L, K_max].
    """
    others = own_ops(num_ops) / np.maximum(np.asarray(num_ops)[:, None] - 1, 1)
    moved = (1.0 - table) * jnp.asarray(others, jnp.float32)
    return table + chance[:, None] * (moved - table)
