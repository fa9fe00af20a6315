"""Walks through all archs of a space, and starts again at the end.

An arch is a number in mixed radix, its ops the digits, the last layer the lowest. The
i-th arch of the walk is

    counting   i mod N,              N = K_1 K_2 ... K_L
    shuffled   (b + a i) mod N,      gcd(a, N) = 1

with a near N / golden ratio, b random, and the ops of each layer relabelled at random.
Both are bijections of 0..N-1, so no arch comes twice within N, and after N the walk is
at its beginning again. All sums are done on digits with carries: nothing of the size of
the space is ever made, and N may have any number of digits.

Source: Weyl's sequence i a mod N; Knuth, The Art of Computer Programming 3, section 6.4
(the golden ratio leaves the largest gaps smallest).
"""

import dataclasses
import math

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Strategy
from qnas_jax.searching.observation import own_ops
from qnas_jax.searching.spec import StrategySpec

ORDERS = ("shuffled", "counting")
"""The order of the walk."""


@dataclasses.dataclass(frozen=True)
class ExhaustiveOptions(Options):
    """In which order `exhaustive` walks."""

    order: str = option("shuffled", "order of the walk", choices=ORDERS)


@flax.struct.dataclass
class Place:
    """Where the walk stands."""

    digits: Array  # [L] int32, those of the next arch before they are relabelled
    labels: Array  # [L, K_max] int32, the op that each digit of a layer stands for


class Exhaustive(Strategy):
    """Goes through all archs; its state is a `Place`, scores teach it nothing."""

    order: str = flax.struct.field(pytree_node=False)  # one of `ORDERS`

    @property
    def _stride(self) -> int:
        return (
            coprime_stride(math.prod(self.num_ops)) if self.order == "shuffled" else 1
        )

    def init(self, key: Array) -> Place:
        """At a random arch, with random labels, unless it counts."""
        own = own_ops(self.num_ops)
        if self.order == "counting":
            labels = jnp.tile(jnp.arange(own.shape[1], dtype=jnp.int32), (len(own), 1))
            return Place(jnp.zeros(self.num_layers, jnp.int32), labels)
        place_key, label_key = jax.random.split(key)
        heights = jax.random.uniform(label_key, own.shape)
        shape, limits = (self.num_layers,), jnp.array(self.num_ops)
        return Place(
            digits=jax.random.randint(place_key, shape, 0, limits),
            labels=jnp.argsort(jnp.where(own, heights, 2.0)).astype(jnp.int32),
        )

    def ask(self, key: Array, state: Place) -> Array:
        """The next archs of the walk, int32 [P, L]; the key is not used."""
        del key
        return self._next(state)

    def _next(self, state: Place) -> Array:
        steps = np.stack(
            [digits_of(i * self._stride, self.num_ops) for i in range(self.population)]
        )
        places = jax.vmap(lambda step: add_digits(state.digits, step, self.num_ops))(
            jnp.asarray(steps)
        )
        layers = jnp.arange(self.num_layers)
        return jax.vmap(lambda digits: state.labels[layers, digits])(places)

    def learn(self, state: Place, archs: Array, scores: Array) -> Place:
        """Walks on, whatever archs [P, L] and scores [P] are."""
        del archs, scores
        leap = digits_of(self.population * self._stride, self.num_ops)
        digits = add_digits(state.digits, jnp.asarray(leap), self.num_ops)
        return dataclasses.replace(state, digits=digits)

    def probabilities(self, state: Place) -> Array:
        """What comes next is certain: [L, K_max], shares of the next P archs."""
        return jax.nn.one_hot(self._next(state), max(self.num_ops)).mean(axis=0)


def exhaustive(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: ExhaustiveOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, steps of the walk in one generation.
      generations: nothing depends on it.
      options: the order.

    Returns:
      The strategy.
    """
    del generations
    return Exhaustive(num_ops, population, options.order)


def coprime_stride(size: int) -> int:
    """The first number from size / golden ratio on that has no divisor in common.

    Args:
      size: N >= 1.

    Returns:
      a in [0, N], gcd(a, N) = 1.
    """
    stride = (math.isqrt(5 * size * size) - size) // 2
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride


def digits_of(number: int, num_ops: tuple[int, ...]) -> np.ndarray:
    """Digits int32 [L] of a number modulo the size of the space, highest first."""
    digits = []
    for radix in reversed(num_ops):
        number, digit = divmod(number, radix)
        digits.append(digit)
    return np.array(digits[::-1], np.int32)


def add_digits(first: Array, second: Array, num_ops: tuple[int, ...]) -> Array:
    """The sum of two numbers in mixed radix, modulo the size of the space.

    Args:
      first: int32 [L], digit l in 0..K_l - 1.
      second: int32 [L], likewise.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [L].
    """

    def add(carry: Array, digits: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        one, other, radix = digits
        total = one + other + carry
        full = total >= radix
        return full.astype(jnp.int32), jnp.where(full, total - radix, total)

    radices = jnp.asarray(num_ops, jnp.int32)
    return jax.lax.scan(add, jnp.int32(0), (first, second, radices), reverse=True)[1]


SPEC = StrategySpec(
    "exhaustive",
    "-",
    "all archs once, counting or shuffled, without a list of them",
    "spaces small enough to evaluate as a whole",
    ExhaustiveOptions,
    exhaustive,
)
