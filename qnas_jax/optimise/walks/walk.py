"""A walk through assignments, and what it asks of a problem.

A move takes one register to another level. Local searches need the cost changes of all
moves at each step; how these are had depends on the problem (`moves.moves_of`).
"""

import abc
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.problems.problem import Problem


class Walk(NamedTuple):
    """One assignment under way.

    Attributes:
      levels: [L] int32; for bits float 0 and 1, of the type of the cost.
      cost: [] its cost.
      fields: what is kept of costs of moves, [n] of bits and [L, K_max] of levels;
        empty [0] where the problem is asked.
    """

    levels: Array
    cost: Array
    fields: Array


class Moves(abc.ABC):
    """How a problem answers questions about moves, of which there are M in all."""

    @property
    @abc.abstractmethod
    def count(self) -> int:
        """Moves that change an assignment: sum_l (K_l - 1), at most M."""

    @abc.abstractmethod
    def random(self, key: Array) -> Array:
        """A uniform assignment [L]; consumes the key."""

    @abc.abstractmethod
    def start(self, levels: Array) -> Walk:
        """A walk at an assignment [L]."""

    @abc.abstractmethod
    def changes(self, walk: Walk) -> Array:
        """Cost changes [M]; infinite for moves to the present or a missing level."""

    @abc.abstractmethod
    def make(self, walk: Walk, move: Array, change: Array, accepted: Array) -> Walk:
        """Makes a move if it is accepted.

        Args:
          walk: under way.
          move: int [], its index in [0, M).
          change: [] what it changes the cost by, which is known.
          accepted: bool [].

        Returns:
          The walk afterwards.
        """

    @abc.abstractmethod
    def back(self, walk: Walk, move: Array) -> Array:
        """Index, int [] in [0, M), of what will undo a `move` [] of this walk."""

    @abc.abstractmethod
    def perturb(self, levels: Array, share: Array, key: Array) -> Array:
        """Levels [L], each with chance `share` [] another one; consumes the key."""

    @abc.abstractmethod
    def thermal_sweep(self, walk: Walk, temperature: Array, key: Array) -> Walk:
        """Proposes moves of each register once, in order.

        Args:
          walk: under way.
          temperature: [] in units of the cost.
          key: consumed.

        Returns:
          The walk afterwards; the Boltzmann distribution stays as it is.
        """


def move_scale(moves: Moves, key: Array, samples: int = 16) -> Array:
    """Root mean square cost change [] of a single move, over random assignments.

    The unit of temperatures and transverse fields: it makes a schedule mean the same
    for costs of any size.

    Args:
      moves: of the problem.
      key: consumed.
      samples: random assignments that are asked.
    """

    def squared(key: Array) -> Array:
        changes = moves.changes(moves.start(moves.random(key)))
        known = jnp.where(jnp.isfinite(changes), changes, 0.0)
        return jnp.sum(known**2) / max(moves.count, 1)

    scale = jnp.sqrt(jax.vmap(squared)(jax.random.split(key, samples)).mean())
    return jnp.where(scale > 0, scale, 1.0)


def ask(problem: Problem, levels: Array) -> Array:
    """Cost [] of an assignment [L], as a float of which changes can be added up."""
    cost = problem.cost(levels.astype(jnp.int32))
    return cost.astype(jnp.promote_types(cost.dtype, jnp.float32))
