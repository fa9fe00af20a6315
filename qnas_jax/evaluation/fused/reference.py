"""The reference sample of a fused score: which architectures, and which of them train.

Architectures are drawn uniformly from the space, each once, by a stream of the run's
seed. Those that a calibration trains are spread over the sample by what the score says
of them before, so that few networks hold good ones and bad ones.
"""

import math
from collections.abc import Sequence

import jax
import numpy as np


def draw_reference(key: jax.Array, num_ops: Sequence[int], count: int) -> np.ndarray:
    """Draws distinct architectures.

    Args:
      key: consumed.
      num_ops: (K_1, ..., K_L).
      count: R.

    Returns:
      int32 [R, L] in the order of their draw; all architectures, in counting order, if
      there are no more than R.
    """
    if math.prod(num_ops) <= count:
        return np.asarray(list(np.ndindex(*num_ops)), np.int32)
    found: dict[tuple[int, ...], None] = {}
    high = np.asarray(num_ops, np.int32)[None]
    draw = 0
    while len(found) < count:
        own_key = jax.random.fold_in(key, draw)
        drawn = jax.random.randint(own_key, (count, len(num_ops)), 0, high)
        found.update(dict.fromkeys(map(tuple, np.asarray(drawn).tolist())))
        draw += 1
    return np.asarray(list(found)[:count], np.int32)


def spread(scores: np.ndarray, count: int) -> np.ndarray:
    """Chooses evenly from the order of scores.

    Args:
      scores: float [R]; those that are not finite are left out.
      count: N.

    Returns:
      int [N]: their places, best last: the middles of N equal shares of the order; all
      that are finite, if there are fewer.
    """
    finite = np.flatnonzero(np.isfinite(scores))
    ordered = finite[np.argsort(scores[finite], kind="stable")]
    count = min(count, len(ordered))
    middles = (np.arange(count) + 0.5) * len(ordered) / max(count, 1)
    return ordered[middles.astype(int)]
