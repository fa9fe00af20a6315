"""The one result of all optimisers, quantum and classical."""

from typing import Any, NamedTuple

import numpy as np
from jax import Array


class Result(NamedTuple):
    """What an optimiser found, and what it took.

    Attributes:
      levels: int32 [L], the best assignment that was seen, a level for each register;
        of a problem over bits the bits.
      cost: [] its cost; as `sample_costs` and `trace` float64 of NumPy where the
        problem's numbers were known, float32 where they were traced.
      samples: int32 [S, L], the assignments that were measured or visited last.
      sample_costs: [S] their costs.
      trace: [T] what the optimiser minimised, after each of its T steps: an expected
        cost, or the best cost so far for those that have no expectation.
      evaluations: costs or oracle calls that a machine would have to make: shots of a
        circuit count one each, a Grover iteration one oracle call, a proposed move one
        cost. An integer; traced [] int32, or rounded to float32 past 2^31.
      params: what was optimised (angles), or () for those without.
    """

    levels: Array
    cost: Array | np.ndarray
    samples: Array
    sample_costs: Array | np.ndarray
    trace: Array | np.ndarray
    evaluations: Array | int
    params: Any = ()


LARGEST_COUNT = 2**31 - 1
"""Counters within programs are int32."""
