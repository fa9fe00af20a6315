"""Moves of registers of any number of levels: no state vector, no one-hot bits.

Letters: L registers at levels c; the field h_l(k) = u_l(k) + sum_m w_lm(k, c_m) is the
part of a `Levels` cost that register l would have at level k. Changing register l from
c_l to k changes the cost by h_l(k) - h_l(c_l), and the fields of the others by one row
of the couplings: O(L K) a move, so 21 registers of 16 levels are no harder than 6 of 5.
Any other problem is asked for its cost.

A sweep draws the level of each register from its Boltzmann distribution given all
others (heat bath: Geman & Geman, IEEE PAMI 6 (1984)): with many levels a level proposed
at random would mostly be rejected.
"""

import abc

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.optimise.problems.levels import Levels
from qnas_jax.optimise.problems.problem import Problem, random_levels
from qnas_jax.optimise.walks.walk import Moves, Walk, ask
from qnas_jax.value import Value


class LevelMoves(Moves):
    """Move l * K_max + k takes register l to level k, so that M = L K_max."""

    @property
    @abc.abstractmethod
    def num_levels(self) -> tuple[int, ...]:
        """(K_1, ..., K_L)."""

    @property
    @abc.abstractmethod
    def most(self) -> int:
        """K_max, levels that are told apart."""

    @abc.abstractmethod
    def costs_at(self, walk: Walk, register: Array) -> Array:
        """Costs [K_max] by the level of one register, int [], up to a constant.

        Infinite for levels that it lacks.
        """

    @abc.abstractmethod
    def set_level(self, walk: Walk, register: Array, level: Array, cost: Array) -> Walk:
        """The walk with a register [] at another level [], where it has a cost []."""

    @property
    def count(self) -> int:
        """See `Moves`."""
        return sum(self.num_levels) - len(self.num_levels)

    def random(self, key: Array) -> Array:
        """Uniform levels int32 [L]; consumes the key."""
        return random_levels(key, self.num_levels)

    def changes(self, walk: Walk) -> Array:
        """Cost changes [L K_max], infinite where there is no move."""
        registers = jnp.arange(len(self.num_levels))
        costs = jax.vmap(self.costs_at, (None, 0))(walk, registers)
        now = jnp.take_along_axis(costs, walk.levels[:, None], axis=1)
        here = walk.levels[:, None] == jnp.arange(costs.shape[1])[None]
        return jnp.where(here, jnp.inf, costs - now).reshape(-1)

    def make(self, walk: Walk, move: Array, change: Array, accepted: Array) -> Walk:
        """Takes a register to a level by `move` [] if `accepted` [], see `Moves`."""
        register, level = jnp.divmod(move, self.most)
        level = jnp.where(accepted, level, walk.levels[register]).astype(jnp.int32)
        cost = walk.cost + jnp.where(accepted, change, 0.0)
        return self.set_level(walk, register, level, cost)

    def back(self, walk: Walk, move: Array) -> Array:
        """The move [] to the present level of the register that `move` [] is about."""
        register = move // self.most
        return register * self.most + walk.levels[register]

    def perturb(self, levels: Array, share: Array, key: Array) -> Array:
        """Levels int [L], each with chance `share` [] another; consumes the key."""
        which_key, level_key = jax.random.split(key)
        counts = jnp.asarray(self.num_levels, jnp.int32)
        turned = jax.random.bernoulli(which_key, share, levels.shape)
        steps = jax.random.randint(level_key, levels.shape, 1, jnp.maximum(counts, 2))
        return jnp.where(turned, (levels + steps) % counts, levels)

    def thermal_sweep(self, walk: Walk, temperature: Array, key: Array) -> Walk:
        """See `Moves`; levels are drawn by the Gumbel trick at a temperature []."""
        shape = len(self.num_levels), self.most
        noise = jax.random.gumbel(key, shape)

        def renew(register: Array, walk: Walk) -> Walk:
            costs = self.costs_at(walk, register)
            level = jnp.argmax(noise[register] - costs / temperature).astype(jnp.int32)
            cost = walk.cost + costs[level] - costs[walk.levels[register]]
            return self.set_level(walk, register, level, cost)

        return jax.lax.fori_loop(0, shape[0], renew, walk)


class FieldMoves(LevelMoves, Value):
    """Fields are kept: O(K) a question, O(L K) a move."""

    problem: Levels
    couplings: Array  # [L, K, L, K]: row (m, j) is what m at level j adds to all fields

    @property
    def num_levels(self) -> tuple[int, ...]:
        """See `LevelMoves`."""
        return self.problem.num_levels

    @property
    def most(self) -> int:
        """See `LevelMoves`."""
        return int(self.problem.unary.shape[1])

    def start(self, levels: Array) -> Walk:
        """A walk at levels [L]; fields [L, K_max], infinite where there is no level."""
        lacks = np.arange(self.most) >= np.asarray(self.num_levels)[:, None]
        rows = self.couplings[jnp.arange(len(self.num_levels)), levels]
        fields = jnp.asarray(self.problem.unary) + jnp.sum(rows, axis=0)
        fields = jnp.where(lacks, jnp.inf, fields)
        return Walk(levels, ask(self.problem, levels), fields)

    def costs_at(self, walk: Walk, register: Array) -> Array:
        """Fields [K_max] of a register []."""
        return walk.fields[register]

    def set_level(self, walk: Walk, register: Array, level: Array, cost: Array) -> Walk:
        """See `LevelMoves`; all []. Fields [L, K_max] follow."""
        before = walk.levels[register]
        added = self.couplings[register, level] - self.couplings[register, before]
        return Walk(walk.levels.at[register].set(level), cost, walk.fields + added)


class CostMoves(LevelMoves, Value):
    """The problem is asked for the cost of each move."""

    problem: Problem

    @property
    def num_levels(self) -> tuple[int, ...]:
        """See `LevelMoves`."""
        return self.problem.num_levels

    @property
    def most(self) -> int:
        """See `LevelMoves`."""
        return max(self.num_levels)

    def start(self, levels: Array) -> Walk:
        """A walk at levels [L], without fields."""
        return Walk(levels, ask(self.problem, levels), jnp.zeros(0))

    def costs_at(self, walk: Walk, register: Array) -> Array:
        """Costs [K_max] of the problem by the level of a register []."""
        last = jnp.asarray(self.num_levels, jnp.int32)[register] - 1

        def at(level: Array) -> Array:
            moved = walk.levels.at[register].set(jnp.minimum(level, last))
            return jnp.where(level > last, jnp.inf, ask(self.problem, moved))

        return jax.vmap(at)(jnp.arange(self.most, dtype=jnp.int32))

    def set_level(self, walk: Walk, register: Array, level: Array, cost: Array) -> Walk:
        """See `LevelMoves`; all []."""
        return Walk(walk.levels.at[register].set(level), cost, walk.fields)


def level_moves_of(problem: Problem) -> LevelMoves:
    """The cheapest way to ask a problem over registers about moves."""
    if not isinstance(problem, Levels):
        return CostMoves(problem)
    pairwise = jnp.asarray(problem.pairwise)
    both = pairwise + pairwise.transpose(1, 0, 3, 2)
    return FieldMoves(problem, both.transpose(1, 3, 0, 2))
