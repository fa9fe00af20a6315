"""The balance pool: the best distinct architectures seen while the supernet trains.

Source: Li et al. 2024 (BQNAS). Differs from the public code, where the pool is
commented out and old scores are kept: members are scored again with the present weights
before they compete with new candidates.
"""

import jax.numpy as jnp
import numpy as np

from qnas_jax.training.paths import SamplerState
from qnas_jax.training.supernet import SupernetOptions


def pool_share(options: SupernetOptions, epoch: float) -> float:
    """Share of the steps that train a pool member.

    Args:
      options: pool_every, pool_share, pool_ramp.
      epoch: epochs finished, in [0, epochs].

    Returns:
      0 before the first pool search, then rising linearly to `pool_share` within
      `pool_ramp` epochs.
    """
    since = epoch - options.pool_every
    if since < 0:
        return 0.0
    if options.pool_ramp <= 0:
        return options.pool_share
    return options.pool_share * min(1.0, since / options.pool_ramp)


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
