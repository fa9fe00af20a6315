"""Cost changes of single flips, kept up to date: the inner loop of all local searches.

Letters: n bits x, fields h_i = l_i + sum_j q_ij x_j of a quadratic form (q symmetric
here). Flipping bit i changes the cost by (1 - 2 x_i) h_i; after the flip h_j changes by
q_ij (1 - 2 x_i). So a form over n bits needs O(n) a flip and never 2^n of anything. Any
other problem is asked for its cost.
"""

import dataclasses
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.quantum.problem import Problem, Quadratic


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
