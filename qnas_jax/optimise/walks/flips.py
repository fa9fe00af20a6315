"""Cost changes of single flips, kept up to date: the inner loop of all local searches.

Letters: n bits x, fields h_i = l_i + sum_j q_ij x_j of a quadratic form (q symmetric
here). Flipping bit i changes the cost by (1 - 2 x_i) h_i; after the flip h_j changes by
q_ij (1 - 2 x_i). So a form over n bits needs O(n) a flip and never 2^n of anything. Any
other problem is asked for its cost.

A sweep proposes all bits in order. Only the next few fields have to be known at each
proposal: those of a block of bits are kept up to date flip by flip, all others once a
block, by one matrix product over all strings under way.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.optimise.problems.problem import Problem, Quadratic


class Walk(NamedTuple):
    """One string under way.

    Attributes:
      bits: float32 [n] of 0 and 1.
      cost: [] its cost.
      fields: [n] the h_i; empty where the problem is not quadratic.
    """

    bits: Array
    cost: Array
    fields: Array


Decide = Callable[[Array, Array, Array], Array]
"""(place [], changes [P], bits [P]) -> where [P] the flips of a bit are accepted."""

_BLOCK = 64
"""Bits of a sweep whose fields are kept flip by flip."""


class Flips(Protocol):
    """How a problem answers questions about single flips."""

    def start(self, bits: Array) -> Walk:
        """A walk at bits [n]."""
        ...

    def change(self, walk: Walk, place: Array) -> Array:
        """Cost change [] if bit `place` were flipped."""
        ...

    def changes(self, walk: Walk) -> Array:
        """Cost changes [n] of all single flips."""
        ...

    def flip(self, walk: Walk, place: Array, change: Array, accepted: Array) -> Walk:
        """Flips bit `place`, whose `change` is known, where `accepted`."""
        ...

    def sweep(self, walks: Walk, decide: Decide) -> Walk:
        """Proposes each bit once, in order, to all of the walks [P, ...]."""
        ...


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class QuadraticFlips:
    """Fields are kept: O(1) a question, O(n) a flip."""

    linear: Array
    couplings: Array  # [n, n] symmetric, zero diagonal
    constant: Array

    def start(self, bits: Array) -> Walk:
        """See `Flips`."""
        x = jnp.asarray(bits, jnp.float32)
        fields = self.linear + self.couplings @ x
        cost = self.constant + jnp.sum(x * (self.linear + fields)) / 2
        return Walk(x, cost, fields)

    def change(self, walk: Walk, place: Array) -> Array:
        """See `Flips`."""
        return (1.0 - 2.0 * walk.bits[place]) * walk.fields[place]

    def changes(self, walk: Walk) -> Array:
        """See `Flips`."""
        return (1.0 - 2.0 * walk.bits) * walk.fields

    def flip(self, walk: Walk, place: Array, change: Array, accepted: Array) -> Walk:
        """See `Flips`."""
        step = jnp.where(accepted, 1.0 - 2.0 * walk.bits[place], 0.0)
        return Walk(
            walk.bits.at[place].add(step),
            walk.cost + jnp.where(accepted, change, 0.0),
            walk.fields + step[None] * self.couplings[place],
        )

    def sweep(self, walks: Walk, decide: Decide) -> Walk:
        """See `Flips`."""
        num_qubits = walks.bits.shape[1]
        whole, rest = divmod(num_qubits, _BLOCK)

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
        before = jax.lax.dynamic_slice_in_dim(walks.bits, first, size, axis=1)
        fields = jax.lax.dynamic_slice_in_dim(walks.fields, first, size, axis=1)

        def propose(place: Array, block: Walk) -> Walk:
            turns = 1.0 - 2.0 * block.bits[:, place]
            changes = turns * block.fields[:, place]
            accepted = decide(first + place, changes, block.bits[:, place])
            steps = jnp.where(accepted, turns, 0.0)[:, None]
            here = jnp.arange(size) == place
            return Walk(
                block.bits + steps * here[None],
                block.cost + jnp.where(accepted, changes, 0.0),
                block.fields + steps * own[place][None],
            )

        block = Walk(before, walks.cost, fields)
        block = jax.lax.fori_loop(0, size, propose, block)
        moved = jnp.matmul(block.bits - before, rows, precision="highest")
        bits = jax.lax.dynamic_update_slice_in_dim(walks.bits, block.bits, first, 1)
        return Walk(bits, block.cost, walks.fields + moved)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CostFlips:
    """The problem is asked for the cost of each flipped string."""

    problem: Problem

    def start(self, bits: Array) -> Walk:
        """See `Flips`."""
        x = jnp.asarray(bits, jnp.float32)
        return Walk(x, self._cost(x), jnp.zeros(0))

    def change(self, walk: Walk, place: Array) -> Array:
        """See `Flips`."""
        flipped = walk.bits.at[place].set(1.0 - walk.bits[place])
        return self._cost(flipped) - walk.cost

    def changes(self, walk: Walk) -> Array:
        """See `Flips`."""
        places = jnp.arange(walk.bits.shape[0])
        return jax.vmap(lambda place: self.change(walk, place))(places)

    def flip(self, walk: Walk, place: Array, change: Array, accepted: Array) -> Walk:
        """See `Flips`."""
        bit = walk.bits[place]
        return walk._replace(
            bits=walk.bits.at[place].set(jnp.where(accepted, 1.0 - bit, bit)),
            cost=walk.cost + jnp.where(accepted, change, 0.0),
        )

    def sweep(self, walks: Walk, decide: Decide) -> Walk:
        """See `Flips`."""

        def propose(place: Array, walks: Walk) -> Walk:
            changes = jax.vmap(self.change, (0, None))(walks, place)
            accepted = decide(place, changes, walks.bits[:, place])
            return jax.vmap(self.flip, (0, None, 0, 0))(walks, place, changes, accepted)

        return jax.lax.fori_loop(0, walks.bits.shape[1], propose, walks)

    def _cost(self, bits: Array) -> Array:
        # Costs may be whole numbers; the sums of their changes are kept as floats.
        cost = self.problem.cost(bits)
        return cost.astype(jnp.promote_types(cost.dtype, jnp.float32))


def flips_of(problem: Problem) -> Flips:
    """The cheapest way to ask a problem about flips."""
    if not isinstance(problem, Quadratic):
        return CostFlips(problem)
    quadratic = jnp.asarray(problem.quadratic, jnp.float32)
    return QuadraticFlips(
        linear=jnp.asarray(problem.linear, jnp.float32),
        couplings=quadratic + quadratic.T,
        constant=jnp.asarray(problem.constant, jnp.float32),
    )


def random_bits(key: Array, num_qubits: int) -> Array:
    """Uniform bits float32 [n]; consumes the key."""
    return jax.random.bernoulli(key, shape=(num_qubits,)).astype(jnp.float32)


def flip_scale(flips: Flips, key: Array, num_qubits: int, samples: int = 16) -> Array:
    """Root mean square cost change [] of a single flip, over random strings.

    The unit of temperatures and transverse fields: it makes a schedule mean the same
    for costs of any size.

    Args:
      flips: of the problem.
      key: consumed.
      num_qubits: n.
      samples: random strings that are asked.
    """

    def squared(key: Array) -> Array:
        return jnp.mean(flips.changes(flips.start(random_bits(key, num_qubits))) ** 2)

    scale = jnp.sqrt(jax.vmap(squared)(jax.random.split(key, samples)).mean())
    return jnp.where(scale > 0, scale, 1.0)
