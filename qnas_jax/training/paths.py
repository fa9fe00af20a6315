"""Which paths of the supernet a training step trains, ops taken one like another.

A sampler is a pure function of (key, state, step), so a resumed run draws the same
paths. `uniform`: every op with the same probability (Guo et al. 2020). `fair`: each op
of a layer once in K steps, in random order (the public BQNAS code). `strict_fair`: the
same for the K paths of one update (FairNAS, Chu et al. 2021). Samplers that look at
costs are in `strata.py` and `sandwich.py`.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import struct


class SamplerState(struct.PyTreeNode):
    """What the samplers remember.

    Attributes:
      fair_steps: int32 [], steps that followed the fair order.
      pool: int32 [E, L], the balance pool, best first.
      pool_scores: float32 [E], -inf where the pool has no member yet.
    """

    fair_steps: jax.Array
    pool: jax.Array
    pool_scores: jax.Array


Sample = Callable[
    [jax.Array, jax.Array, SamplerState, jax.Array], tuple[jax.Array, SamplerState]
]


@dataclasses.dataclass(frozen=True)
class PathSampler:
    """Draws the paths of a step.

    Attributes:
      num_paths: S, paths of one update.
      sample: (order_key, step_key, state, pool_share) -> (archs int32 [S, L], state).
        The order key is the same at every step and only folded; the step key is
        consumed.
      once: whether each layer's column of the paths holds each of its ops once.
      largest_first: whether the first path is always the largest architecture.
      distillation: share of the first path in what the others of a step learn, in
        [0, 1]; 0: labels alone.
    """

    num_paths: int
    sample: Sample
    once: bool = False
    largest_first: bool = False
    distillation: float = 0.0


def initial_sampler_state(num_ops: tuple[int, ...], pool_size: int) -> SamplerState:
    """The state of a sampler before the first step, with an empty pool."""
    return SamplerState(
        fair_steps=jnp.zeros((), jnp.int32),
        pool=jnp.zeros((pool_size, len(num_ops)), jnp.int32),
        pool_scores=jnp.full((pool_size,), -jnp.inf, jnp.float32),
    )


def fair_arch(key: jax.Array, num_ops: tuple[int, ...], step: jax.Array) -> jax.Array:
    """The architecture of a step in the fair order.

    Every layer goes through random permutations of its own ops, one op a step.

    Args:
      key: the same for all steps (the order is derived from it).
      num_ops: (K_1, ..., K_L).
      step: int32 [], number of fair steps before this one.

    Returns:
      int32 [L].
    """
    widest = max(num_ops)

    def layer_op(layer: jax.Array, count: jax.Array) -> jax.Array:
        layer_key = jax.random.fold_in(key, layer)
        order_key = jax.random.fold_in(layer_key, step // count)
        draws = jax.random.uniform(order_key, (widest,))
        order = jnp.argsort(jnp.where(jnp.arange(widest) < count, draws, jnp.inf))
        return order[step % count]

    counts = jnp.asarray(num_ops, jnp.int32)
    ops = jax.vmap(layer_op)(jnp.arange(len(num_ops)), counts)
    return ops.astype(jnp.int32)


def uniform_archs(key: jax.Array, num_ops: tuple[int, ...], number: int) -> jax.Array:
    """Draws architectures, each with the same probability.

    Args:
      key: consumed.
      num_ops: (K_1, ..., K_L).
      number: P, how many.

    Returns:
      int32 [P, L].
    """
    counts = jnp.asarray(num_ops, jnp.int32)
    return jax.random.randint(key, (number, len(num_ops)), 0, counts[None])


def uniform(num_ops: tuple[int, ...]) -> PathSampler:
    """A path a step, each with the same probability."""

    def sample(
        order_key: jax.Array, key: jax.Array, state: SamplerState, share: jax.Array
    ) -> tuple[jax.Array, SamplerState]:
        del order_key, share
        return uniform_archs(key, num_ops, 1), state

    return PathSampler(1, sample)


def fair(num_ops: tuple[int, ...], paths: int = 1) -> PathSampler:
    """The next paths of the fair order, so many a step."""

    def sample(
        order_key: jax.Array, key: jax.Array, state: SamplerState, share: jax.Array
    ) -> tuple[jax.Array, SamplerState]:
        del key, share
        steps = state.fair_steps + jnp.arange(paths)
        archs = jax.vmap(lambda step: fair_arch(order_key, num_ops, step))(steps)
        return archs, state.replace(fair_steps=state.fair_steps + paths)

    return PathSampler(paths, sample)


def strict_fair(num_ops: tuple[int, ...]) -> PathSampler:
    """The paths of one update hold every op of the widest layers once.

    Narrower layers go on with their next permutation.
    """
    sampler = fair(num_ops, paths=max(num_ops))
    return dataclasses.replace(sampler, once=len(set(num_ops)) == 1)
