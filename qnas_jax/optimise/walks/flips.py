"""Cost changes of single flips, kept up to date: moves of registers of two levels.

Letters: n bits x, fields h_i = l_i + sum_j q_ij x_j of a quadratic form (q symmetric
here). Flipping bit i changes the cost by (1 - 2 x_i) h_i; after the flip h_j changes by
q_ij (1 - 2 x_i). So a form over n bits needs O(n) a flip and never 2^n of anything. Any
other problem is asked for its cost.

A sweep proposes all bits in order. Only the next few fields have to be known at each
proposal: those of a block of bits are kept up to date flip by flip, all others once a
block, by one matrix product over all strings under way.
"""

import abc
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.optimise.problems.problem import Problem
from qnas_jax.optimise.problems.quadratic import Quadratic
from qnas_jax.optimise.walks.walk import Moves, Walk, ask
from qnas_jax.value import Value

Decide = Callable[[Array, Array, Array], Array]
"""(place [], changes [P], bits [P]) -> where [P] the flips of a bit are accepted."""

_BLOCK = 64
"""Bits of a sweep whose fields are kept flip by flip."""


class Flips(Moves):
    """Moves of bits; move i flips bit i, so that M = n and each undoes itself."""

    def random(self, key: Array) -> Array:
        """Uniform bits [n], float 0 and 1; consumes the key."""
        return jax.random.bernoulli(key, shape=(self.count,)).astype(self.dtype)

    @property
    def dtype(self) -> np.dtype:
        """Of bits and costs."""
        return np.dtype(np.float32)

    def back(self, walk: Walk, move: Array) -> Array:
        """The same move []."""
        del walk
        return move

    def perturb(self, levels: Array, share: Array, key: Array) -> Array:
        """Bits [n], each flipped with chance `share` []; consumes the key."""
        turned = jax.random.bernoulli(key, share, levels.shape)
        return jnp.where(turned, 1.0 - levels, levels)

    def thermal_sweep(self, walk: Walk, temperature: Array, key: Array) -> Walk:
        """See `Moves`; flips are accepted by Metropolis' rule at a temperature []."""
        # A flip is taken with probability exp(-change / T): where change <= T * drawn.
        limits = temperature * jax.random.exponential(key, walk.levels.shape)

        def decide(place: Array, changes: Array, bits: Array) -> Array:
            del bits
            return changes <= limits[place]

        alone = jax.tree.map(lambda each: each[None], walk)
        return jax.tree.map(lambda each: each[0], self.sweep(alone, decide))

    @abc.abstractmethod
    def sweep(self, walks: Walk, decide: Decide) -> Walk:
        """Proposes each bit once, in order, to all of the walks [P, ...]."""


class QuadraticFlips(Flips, Value):
    """Fields are kept: O(1) a question, O(n) a flip."""

    linear: Array  # [n]
    couplings: Array  # [n, n] symmetric, zero diagonal
    constant: Array  # []

    @property
    def count(self) -> int:
        """See `Moves`."""
        return int(self.linear.shape[-1])

    @property
    def dtype(self) -> np.dtype:
        """See `Flips`."""
        return self.linear.dtype

    def start(self, levels: Array) -> Walk:
        """A walk at bits [n], with their fields [n]."""
        x = jnp.asarray(levels, self.linear.dtype)
        fields = self.linear + jnp.matmul(self.couplings, x, precision="highest")
        cost = self.constant + jnp.sum(x * (self.linear + fields)) / 2
        return Walk(x, cost, fields)

    def changes(self, walk: Walk) -> Array:
        """Cost changes [n] of the flips."""
        return (1.0 - 2.0 * walk.levels) * walk.fields

    def make(self, walk: Walk, move: Array, change: Array, accepted: Array) -> Walk:
        """Flips bit `move` [] if `accepted` [], see `Moves`."""
        step = jnp.where(accepted, 1.0 - 2.0 * walk.levels[move], 0.0)
        return Walk(
            walk.levels.at[move].add(step),
            walk.cost + jnp.where(accepted, change, 0.0),
            walk.fields + step[None] * self.couplings[move],
        )

    def sweep(self, walks: Walk, decide: Decide) -> Walk:
        """See `Flips`."""
        whole, rest = divmod(self.count, _BLOCK)

        def block(index: Array, walks: Walk) -> Walk:
            return self._sweep_block(walks, decide, index * _BLOCK, _BLOCK)

        if whole:
            walks = jax.lax.fori_loop(0, whole, block, walks)
        if rest:
            walks = self._sweep_block(walks, decide, whole * _BLOCK, rest)
        return walks

    def _sweep_block(
        self, walks: Walk, decide: Decide, first: Array | int, size: int
    ) -> Walk:
        """Proposes `size` bits from `first` on; then all fields follow at once."""
        rows = jax.lax.dynamic_slice_in_dim(self.couplings, first, size, axis=0)
        own = jax.lax.dynamic_slice_in_dim(rows, first, size, axis=1)
        before = jax.lax.dynamic_slice_in_dim(walks.levels, first, size, axis=1)
        fields = jax.lax.dynamic_slice_in_dim(walks.fields, first, size, axis=1)

        def propose(place: Array, block: Walk) -> Walk:
            turns = 1.0 - 2.0 * block.levels[:, place]
            changes = turns * block.fields[:, place]
            accepted = decide(first + place, changes, block.levels[:, place])
            steps = jnp.where(accepted, turns, 0.0)[:, None]
            here = jnp.arange(size) == place
            return Walk(
                block.levels + steps * here[None],
                block.cost + jnp.where(accepted, changes, 0.0),
                block.fields + steps * own[place][None],
            )

        block = Walk(before, walks.cost, fields)
        block = jax.lax.fori_loop(0, size, propose, block)
        moved = jnp.matmul(block.levels - before, rows, precision="highest")
        bits = jax.lax.dynamic_update_slice_in_dim(walks.levels, block.levels, first, 1)
        return Walk(bits, block.cost, walks.fields + moved)


class CostFlips(Flips, Value):
    """The problem is asked for the cost of each flipped string."""

    problem: Problem

    @property
    def count(self) -> int:
        """See `Moves`."""
        return len(self.problem.num_levels)

    def start(self, levels: Array) -> Walk:
        """A walk at bits [n], without fields."""
        x = jnp.asarray(levels, jnp.float32)
        return Walk(x, ask(self.problem, x), jnp.zeros(0))

    def changes(self, walk: Walk) -> Array:
        """Cost changes [n] of the flips."""
        return jax.vmap(lambda move: self._change(walk, move))(jnp.arange(self.count))

    def make(self, walk: Walk, move: Array, change: Array, accepted: Array) -> Walk:
        """Flips bit `move` [] if `accepted` [], see `Moves`."""
        bit = walk.levels[move]
        return walk._replace(
            levels=walk.levels.at[move].set(jnp.where(accepted, 1.0 - bit, bit)),
            cost=walk.cost + jnp.where(accepted, change, 0.0),
        )

    def sweep(self, walks: Walk, decide: Decide) -> Walk:
        """See `Flips`."""

        def propose(place: Array, walks: Walk) -> Walk:
            changes = jax.vmap(self._change, (0, None))(walks, place)
            accepted = decide(place, changes, walks.levels[:, place])
            return jax.vmap(self.make, (0, None, 0, 0))(walks, place, changes, accepted)

        return jax.lax.fori_loop(0, self.count, propose, walks)

    def _change(self, walk: Walk, place: Array) -> Array:
        flipped = walk.levels.at[place].set(1.0 - walk.levels[place])
        return ask(self.problem, flipped) - walk.cost


def flips_of(problem: Problem) -> Flips:
    """The cheapest way to ask a problem over bits about flips."""
    if not isinstance(problem, Quadratic):
        return CostFlips(problem)
    linear, quadratic = problem.coefficients()
    return QuadraticFlips(
        linear=linear,
        couplings=quadratic + quadratic.T,
        constant=jnp.asarray(problem.constant, linear.dtype),
    )
