"""Which moves a problem has, by its form."""

from qnas_jax.optimise.problems.levels import Levels
from qnas_jax.optimise.problems.problem import Problem, are_bits
from qnas_jax.optimise.walks.flips import flips_of
from qnas_jax.optimise.walks.level_moves import level_moves_of
from qnas_jax.optimise.walks.walk import Moves


def moves_of(problem: Problem) -> Moves:
    """The cheapest way to ask a problem about single moves.

    Args:
      problem: a `Quadratic` and a `Levels` form of any size keep fields up to date, any
        other is asked for its cost.

    Returns:
      Flips of bits, or changes of levels.
    """
    if are_bits(problem) and not isinstance(problem, Levels):
        return flips_of(problem)
    return level_moves_of(problem)
