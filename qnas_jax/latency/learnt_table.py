"""A table of ops learnt from measured networks, and what it says of others.

How good it is, is told by cross-validation: each network is predicted by a table that
was learnt from the networks of the other folds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.latency.host import Agreement, agreement
from qnas_jax.latency.predictor import LATENCY, LatencyPredictor, learn_latency
from qnas_jax.spaces import CostTable, SearchSpace

_FOLDS = 10
_FEWEST = 4


class LearntTable(NamedTuple):
    """What was learnt.

    Attributes:
      table: `latency_ms` by layer and op.
      validation: predictions of networks that were held out, against what they took.
      folds: parts of the samples that were held out in turn.
    """

    table: CostTable
    validation: Agreement
    folds: int


def learn_table(
    space: SearchSpace,
    archs: np.ndarray,
    latency_ms: np.ndarray,
    *,
    references: Sequence[LatencyPredictor] = (),
    seed: int = 0,
) -> LearntTable:
    """Learns the latency of every op from that of networks.

    Args:
      space: the search space.
      archs: int32 [N, L], the networks.
      latency_ms: float [N], positive.
      references: predictors of other devices, without pairs.
      seed: of the division into folds.

    Returns:
      The table.

    Raises:
      UserError: fewer than four samples, or the fastest network that the table knows
        would take less than no time.
    """
    count = len(archs)
    if count < _FEWEST:
        raise UserError(
            f"latency.samples: got {count} networks, expected at least {_FEWEST}"
        )

    def learn(chosen: np.ndarray) -> LatencyPredictor:
        return learn_latency(
            space, archs[chosen], latency_ms[chosen], references=references
        )

    table = learn(np.arange(count)).table
    if table.fixed[LATENCY] < 0:
        raise UserError(
            f"latency.samples: {count} networks give the fastest one of the space "
            f"{table.fixed[LATENCY]:.3g} ms, expected more than 0: measure more "
            "networks, small ones among them"
        )
    folds = min(_FOLDS, count)
    fold = np.random.default_rng(seed).permutation(count) % folds
    guess = np.empty(count)
    for number in range(folds):
        learnt = learn(np.flatnonzero(fold != number))
        guess[fold == number] = learnt(archs[fold == number])
    return LearntTable(table, agreement(guess, latency_ms), folds)
