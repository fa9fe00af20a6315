"""The one result of all optimisers, quantum and classical."""

from typing import Any, NamedTuple

from jax import Array


class Result(NamedTuple):
    """What an optimiser found, and what it took.

    Attributes:
      levels: int32 [L], the best assignment that was seen, a level for each register;
        of a problem over bits the bits.
      cost: [] its cost.
      samples: int32 [S, L], the assignments that were measured or visited last.
      sample_costs: [S] their costs.
      trace: [T] what the optimiser minimised, after each of its T steps: an expected
        cost, or the best cost so far for those that have no expectation.
      evaluations: [] int32, costs or oracle calls that a machine would have to make:
        shots of a circuit count one each, a Grover iteration one oracle call, a
        proposed move one cost.
      params: what was optimised (angles), or () for those without.
    """

    levels: Array
    cost: Array
    samples: Array
    sample_costs: Array
    trace: Array
    evaluations: Array
    params: Any = ()
