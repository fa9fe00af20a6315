"""Observation: from the probabilities of ops to a random architecture.

Registers of all kinds end in a table of probabilities, one row a layer, in which ops
that a layer lacks have probability zero. Observing draws from that table, always at
random and never by a threshold. Where a strategy has no such table, one is estimated
from the archs it asks for.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.optimise.problems.problem import random_levels


def own_ops(num_ops: tuple[int, ...]) -> np.ndarray:
    """Marks the ops that each layer has.

    Args:
      num_ops: (K_1, ..., K_L).

    Returns:
      bool [L, K_max].

    Raises:
      UserError: there is no layer, or a layer without ops.
    """
    if not num_ops or min(num_ops) < 1:
        raise UserError(
            f"num_ops: got {num_ops}, expected at least one layer and at least one op "
            "in every layer"
        )
    return np.arange(max(num_ops)) < np.asarray(num_ops)[:, None]


def uniform_ops(num_ops: tuple[int, ...]) -> np.ndarray:
    """The probabilities of ops of a uniformly random arch.

    Args:
      num_ops: (K_1, ..., K_L).

    Returns:
      float32 [L, K_max], zero for ops that a layer lacks.

    Raises:
      UserError: there is no layer, or a layer without ops.
    """
    own = own_ops(num_ops)
    return (own / own.sum(axis=1, keepdims=True)).astype(np.float32)


def random_archs(keys: Array, num_ops: tuple[int, ...]) -> Array:
    """Draws a uniformly random arch with each key.

    Args:
      keys: [P], consumed.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [P, L].
    """
    return jax.vmap(functools.partial(random_levels, num_levels=num_ops))(keys)


def balanced_archs(key: Array, population: int, num_ops: tuple[int, ...]) -> Array:
    """Draws archs that have each op of a layer equally often, up to one.

    Every layer is shuffled on its own: a Latin hypercube. Which ops come once more than
    others is random too, so that each arch alone is uniformly random.

    Args:
      key: consumed.
      population: P.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [P, L].
    """
    order_key, first_key = jax.random.split(key)
    draws = jax.random.uniform(order_key, (population, len(num_ops)))
    places = jnp.argsort(draws, axis=0)
    first = jax.random.randint(first_key, (len(num_ops),), 0, jnp.asarray(num_ops))
    return ((places + first[None]) % jnp.asarray(num_ops)[None]).astype(jnp.int32)


def probabilities_by_asking(
    ask: Callable[[Array, Any], Array],
    state: Any,
    num_ops: tuple[int, ...],
    population: int,
    *,
    least: int,
) -> Array:
    """`Strategy.probabilities` where there is no formula for them.

    Args:
      ask: (key, state) -> int32 [P, L].
      state: the strategy's.
      num_ops: (K_1, ..., K_L).
      population: P.
      least: archs to ask for, with fixed keys, filled up to whole generations.

    Returns:
      float32 [L, K_max], the shares of the ops among these archs.
    """
    keys = jax.random.split(jax.random.key(0), -(-least // population))
    archs = jax.lax.map(lambda key: ask(key, state), keys)
    return jax.nn.one_hot(archs, max(num_ops)).mean(axis=(0, 1))


def observe(key: Array, probabilities: Array) -> Array:
    """Draws one op a layer, by inversion of the cumulative distribution.

    Args:
      key: consumed.
      probabilities: [P, L, K_max], non-negative, each row with a positive sum.

    Returns:
      int32 [P, L]; an op of probability zero is never drawn.
    """
    uniforms = draw_uniforms(key, *probabilities.shape[:2])
    return jax.vmap(jax.vmap(draw_op))(uniforms, probabilities)


def draw_uniforms(key: Array, population: int, num_layers: int) -> Array:
    """Uniform numbers in [0, 1), float32 [P, L]; the key is consumed.

    They are the numbers of `jax.random.uniform(key, (P, L))`, which takes three times
    as long as one axis.
    """
    uniforms = jax.random.uniform(key, (population * num_layers,))
    return uniforms.reshape(population, num_layers)


def draw_op(uniform: Array, weights: Array | Sequence[Array]) -> Array:
    """The op whose share of the cumulative distribution holds a uniform number.

    Args:
      uniform: [] in [0, 1).
      weights: [K_max], non-negative, with a positive sum.

    Returns:
      int32 [].
    """
    # Written out over the few ops, so that many layers are computed at once.
    cumulative = list(itertools.accumulate(weights))
    limit = uniform * cumulative[-1]
    return sum(
        ((part <= limit).astype(jnp.int32) for part in cumulative), start=jnp.int32(0)
    )
