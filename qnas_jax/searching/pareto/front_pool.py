"""Archs around a front, of which a strategy chooses.

Members of the archive (`archive.draw_members`), some of them crossed, then mutated; and
some strangers.

Source: pools around what is good: White, Neiswanger & Savani, AAAI 2021 (BANANAS).
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Number
from qnas_jax.searching.classical.genetic_algorithm import cross, mutate_layers
from qnas_jax.searching.observation import random_archs
from qnas_jax.searching.pareto.archive import Archive, draw_members


def draw_pool(
    key: Array,
    archive: Archive,
    num_ops: tuple[int, ...],
    *,
    size: int,
    crossover: Number,
    chance: Number,
    strangers: Number,
    guided_by: str,
) -> Array:
    """Draws a pool.

    Args:
      key: consumed.
      archive: the front; not empty.
      num_ops: (K_1, ..., K_L).
      size: C.
      crossover: share of the pool with two parents.
      chance: [L], of each layer to mutate.
      strangers: share of the pool that is uniformly random.
      guided_by: one of `archive.GUIDED_BY`.

    Returns:
      int32 [C, L]; archs may come more than once.
    """
    parents_key, stranger_key, *keys = jax.random.split(key, 4)
    parents = draw_members(parents_key, archive, 2 * size, by=guided_by)
    first, second = archive.archs[parents].reshape(2, size, -1)
    cross_keys, mutation_keys = (jax.random.split(each, size) for each in keys)
    mated = functools.partial(cross, rate=crossover)
    children = jax.vmap(mated)(cross_keys, first, second)
    mutated = functools.partial(
        mutate_layers, chance=jnp.asarray(chance), num_ops=num_ops
    )
    children = jax.vmap(mutated)(mutation_keys, children)
    strange_key, which_key = jax.random.split(stranger_key)
    strange = random_archs(jax.random.split(strange_key, size), num_ops)
    replaced = jax.random.bernoulli(which_key, strangers, (size, 1))
    return jnp.where(replaced, strange, children)
