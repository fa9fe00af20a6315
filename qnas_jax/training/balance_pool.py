"""The balance pool: the best distinct architectures seen while the supernet trains.

Source: Li et al. 2024 (BQNAS). Differs from the public code, where the pool is
commented out and old scores are kept: members are scored again with the present weights
before they compete with new candidates. It stands on top of any sampler: what it does
not train is drawn as without it.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.options import Options, option
from qnas_jax.training.paths import PathSampler, SamplerState


@dataclasses.dataclass(frozen=True)
class PoolOptions(Options):
    """When the pool is searched, what it holds, and how often it is trained.

    Raises:
      OptionError: a value is not allowed.
    """

    pool_share: float = option(
        0.0,
        "share of the steps that train members of the balance pool; 0 is no pool",
        low=0,
        high=1,
    )
    pool_start: int = option(5, "epoch after which the pool is searched first", low=1)
    pool_every: int = option(
        5, "epochs between later searches for the pool; 0: only the first one", low=0
    )
    pool_size: int = option(5, "architectures kept in the balance pool", low=1)
    pool_ramp: float = option(
        0.0, "epochs after the first search until the full share", low=0
    )
    pool_generations: int = option(2, "generations of each pool search", low=1)
    pool_population: int = option(20, "population of each pool search", low=1)
    pool_examples: int = option(
        500, "validation images that score pool candidates; 0 is all", low=0
    )


def pool_is_due(options: PoolOptions, epoch: int) -> bool:
    """Whether the pool is searched after an epoch; never without a share.

    Args:
      options: pool_share, pool_start, pool_every.
      epoch: epochs finished, at least 1.

    Returns:
      The answer.
    """
    since = epoch - options.pool_start
    if options.pool_share == 0 or since < 0:
        return False
    return since % options.pool_every == 0 if options.pool_every else since == 0


def pool_share(options: PoolOptions, epoch: float) -> float:
    """Share of the steps that train pool members.

    Args:
      options: pool_start, pool_share, pool_ramp.
      epoch: epochs finished, in [0, epochs].

    Returns:
      0 before the first pool search, then rising linearly to `pool_share` within
      `pool_ramp` epochs.
    """
    since = epoch - options.pool_start
    if since < 0:
        return 0.0
    if options.pool_ramp <= 0:
        return options.pool_share
    return options.pool_share * min(1.0, since / options.pool_ramp)


def with_pool(sampler: PathSampler) -> PathSampler:
    """Lets a share of the steps train members of the pool instead.

    Args:
      sampler: draws the paths of the other steps; its state stays as it is in a step
        of the pool.

    Returns:
      A sampler of as many paths. In a step of the pool they are members in random
      order, again from the first on where there are fewer members than paths; a teacher
      stays the first of them.
    """
    kept = 1 if sampler.distillation else 0

    def sample(
        order_key: jax.Array, key: jax.Array, state: SamplerState, share: jax.Array
    ) -> tuple[jax.Array, SamplerState]:
        turn_key, members_key, paths_key = jax.random.split(key, 3)
        there = jnp.isfinite(state.pool_scores)
        members = there.sum()
        from_pool = (jax.random.uniform(turn_key) < share) & (members > 0)
        draws = jax.random.uniform(members_key, there.shape)
        order = jnp.argsort(jnp.where(there, draws, jnp.inf))  # free places last
        places = jnp.arange(sampler.num_paths - kept) % jnp.maximum(members, 1)
        archs, after = sampler.sample(order_key, paths_key, state, share)

        def choose(pool: jax.Array, other: jax.Array) -> jax.Array:
            return jnp.where(from_pool, pool, other)

        chosen = jnp.concatenate([archs[:kept], state.pool[order[places]]])
        return choose(chosen, archs), jax.tree.map(choose, state, after)

    return dataclasses.replace(
        sampler, sample=sample, once=False, largest_first=kept == 1
    )


def merge_pool(
    state: SamplerState, archs: np.ndarray, scores: np.ndarray
) -> SamplerState:
    """Replaces the pool by the best distinct ones of the given architectures.

    Args:
      state: the sampler's state; its pool says how many are kept.
      archs: candidates int32 [P, L], present members among them.
      scores: float [P] with the present weights; NaN never enters the pool.

    Returns:
      The state with the new pool, best first.
    """
    scores = np.where(np.isnan(scores), -np.inf, scores)
    pool = np.zeros(state.pool.shape, np.int32)
    pool_scores = np.full(state.pool_scores.shape, -np.inf, np.float32)
    seen: set[bytes] = set()
    for index in np.argsort(-scores, kind="stable"):
        name = np.asarray(archs[index], np.int32).tobytes()
        if name in seen or not np.isfinite(scores[index]) or len(seen) == len(pool):
            continue
        pool[len(seen)], pool_scores[len(seen)] = archs[index], scores[index]
        seen.add(name)
    return state.replace(pool=jnp.asarray(pool), pool_scores=jnp.asarray(pool_scores))


def pool_members(state: SamplerState) -> np.ndarray:
    """The present members, int32 [M, L] with M <= E."""
    return np.asarray(state.pool)[np.isfinite(np.asarray(state.pool_scores))]
