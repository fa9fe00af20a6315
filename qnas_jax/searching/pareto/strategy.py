"""What a strategy of several objectives is: it learns from points, not from scores.

Objectives are maximised; a cost enters as its negative. All else is as in
`searching.base`: `init`, `ask` and `tell` are pure, numbers are leaves, and the methods
are compiled.
"""

import abc
import functools
from collections.abc import Sequence
from typing import Any, Self

import chex
import flax.struct
import jax
from jax import Array

from qnas_jax.searching.base import Strategy
from qnas_jax.searching.pareto.dominance import sanitise_objectives
from qnas_jax.searching.pareto.hypervolume import check_num_objectives
from qnas_jax.searching.pareto.known_costs import KnownCosts


class ParetoStrategy(Strategy):
    """How to propose architectures and to learn from their objectives.

    Attributes:
      num_objectives: M, 2 or 3.

    Raises:
      UserError: a space or population of nothing, or another number of objectives.
    """

    num_objectives: int = flax.struct.field(pytree_node=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_num_objectives(self.num_objectives)

    def aware_of(self, larger: Sequence[bool]) -> Self:
        """The same strategy for objectives that are no score and costs.

        Args:
          larger: bool [M], which of them are to be large before any sign is turned.

        Returns:
          The strategy itself, unless it does more than compare values.
        """
        del larger
        return self

    def knowing(self, costs: KnownCosts) -> "ParetoStrategy":
        """The strategy that is told what archs cost before they are evaluated.

        Those that have no use for it learn costs as they learn the score.
        """
        del costs
        return self

    @abc.abstractmethod
    def learn(self, state: Any, archs: Array, scores: Array) -> Any:
        """The new state, from archs [P, L] and objectives [P, M]; call `tell`."""

    @functools.partial(jax.jit, inline=True)
    def tell(self, state: Any, archs: Array, scores: Array) -> Any:
        """Learns from one evaluated population.

        Args:
          state: what `init` or the previous `tell` returned.
          archs: int32 [P, L], row i belongs to individual i. They may differ from those
            asked for, for example after a repair.
          scores: the objectives, float32 [P, M], maximised; a row with anything that is
            not finite is a failed evaluation.

        Returns:
          The new state.
        """
        chex.assert_shape(archs, (self.population, self.num_layers))
        chex.assert_shape(scores, (self.population, self.num_objectives))
        return self.learn(state, archs, sanitise_objectives(scores))
