"""Memory for registers: what was evaluated is not proposed again.

A register that has converged shows the same arch again and again. With memory each
individual is observed a fixed number of times, and the first arch that is new is
proposed; so converged registers are driven to their less likely values. The registers
themselves stay as they are.

Sources: the list of archs known before is that of tabu search: Glover, ORSA J.
Computing 1 (1989); for NAS: White, Nolen & Savani, UAI 2021, who never evaluate an arch
twice.
"""

import math
from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.base import Strategy
from qnas_jax.searching.history import History, among, empty_history, record


@flax.struct.dataclass
class Remembered:
    """A strategy's state and what was evaluated."""

    inner: Any
    history: History


def first_unknown(candidates: Array, known: Array) -> Array:
    """Of each individual's candidates the first that is new.

    Args:
      candidates: int32 [P, D, L], observed one after the other.
      known: bool [P, D], those that were evaluated before.

    Returns:
      int32 [P, L]; no two are equal and none is known, unless an individual observed
      nothing else; then it is what it observed first.
    """
    population, _, num_layers = candidates.shape

    def choose(chosen: Array, own: tuple[Array, ...]) -> tuple[Array, Array]:
        number, archs, old = own
        arch = archs[jnp.argmin(old | among(archs, chosen))]
        return chosen.at[number].set(arch), arch

    nothing = jnp.full((population, num_layers), -1, jnp.int32)
    individuals = jnp.arange(population), candidates, known
    return jax.lax.scan(choose, nothing, individuals)[1]


def arch_codes(archs: Array, num_ops: tuple[int, ...]) -> Array:
    """A number for each arch, so that archs are compared by one comparison.

    Args:
      archs: int32 [..., L]; rows of -1 stand for no arch.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [...]. Of a space of fewer than 2^31 archs each has its own, and -1 where
      there is none. In a larger space any two share a code with a chance of 2^-32.
    """
    size = math.prod(num_ops)
    if size < 2**31:
        places = size // np.cumprod(num_ops)
        codes = jnp.matmul(archs, jnp.asarray(places, jnp.int32))
        return jnp.where(archs[..., 0] < 0, -1, codes)
    # Odd multipliers, sums modulo 2^32.
    words = np.random.default_rng(0).integers(0, 2**31, len(num_ops), np.uint32)
    return jnp.matmul(archs, jnp.asarray((2 * words + 1).astype(np.int32)))


def known_codes(history: History, num_ops: tuple[int, ...]) -> Array:
    """The codes of a history, sorted: a long one is searched as fast as a short one.

    Args:
      history: M rows.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [M].
    """
    return jnp.sort(arch_codes(history.archs, num_ops))


def choose_unknown(candidates: Array, known: Array, num_ops: tuple[int, ...]) -> Array:
    """Of each individual's candidates the first that is not in the history.

    Codes are compared, and not archs: XLA would observe a candidate again for each row
    that it is compared with.

    Args:
      candidates: int32 [P, D, L].
      known: int32 [M], see `known_codes`.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [P, L], see `first_unknown`; where archs share a code, one that is new may
      be passed over.
    """
    codes = arch_codes(candidates, num_ops)
    old = are_known(codes.reshape(-1), known).reshape(codes.shape)
    return first_unknown(candidates, old)


def are_known(codes: Array, known: Array) -> Array:
    """Bool [C]: which codes int32 [C] are among sorted ones [M]."""
    places = jnp.searchsorted(known, codes)
    return known[jnp.minimum(places, len(known) - 1)] == codes


def first_of_each(codes: Array) -> Array:
    """Bool [C]: which codes int32 [C] are the first of those that are equal."""
    order = jnp.argsort(codes, stable=True)
    ordered = codes[order]
    new = jnp.append(jnp.array([True]), ordered[1:] != ordered[:-1])
    return jnp.zeros(len(codes), bool).at[order].set(new)


def ask_unknown(
    observe: Callable[[Array], Array],
    key: Array,
    known: Array,
    *,
    draws: int,
    num_ops: tuple[int, ...],
) -> Array:
    """Observes a population several times and takes the first new arch of each.

    Args:
      observe: key -> int32 [P, L].
      key: consumed.
      known: int32 [M], what was evaluated, see `known_codes`.
      draws: D, observations of each individual.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [P, L], see `choose_unknown`.
    """
    seen = jax.vmap(observe, out_axes=1)(jax.random.split(key, draws))
    return choose_unknown(seen, known, num_ops)


class WithMemory(Strategy):
    """Observes until an arch is new; its state is `Remembered`.

    Its probabilities are those of one observation, before what is known is left out.
    """

    inner: Strategy
    # Evaluations that are remembered.
    capacity: int = flax.struct.field(pytree_node=False)
    # D, observations of each individual.
    draws: int = flax.struct.field(pytree_node=False)

    def init(self, key: Array) -> Remembered:
        """Nothing is known."""
        history = empty_history(self.capacity, self.num_layers)
        return Remembered(self.inner.init(key), history)

    def ask(self, key: Array, state: Remembered) -> Array:
        """The first new arch of each individual, int32 [P, L]."""
        return ask_unknown(
            lambda key: self.inner.ask(key, state.inner),
            key,
            known_codes(state.history, self.num_ops),
            draws=self.draws,
            num_ops=self.num_ops,
        )

    def learn(self, state: Remembered, archs: Array, scores: Array) -> Remembered:
        """Learns and remembers archs [P, L] and scores [P]."""
        inner = self.inner.learn(state.inner, archs, scores)
        return Remembered(inner, record(state.history, archs, scores))

    def probabilities(self, state: Remembered) -> Array:
        """Of one observation, [L, K_max]."""
        return self.inner.probabilities(state.inner)


def with_memory(strategy: Strategy, *, capacity: int, draws: int) -> Strategy:
    """Gives a strategy a memory.

    Args:
      strategy: one whose `ask` observes at random.
      capacity: evaluations that are remembered, at least P.
      draws: D, observations of each individual; 1 gives the strategy as it is.

    Returns:
      The strategy.
    """
    if draws == 1:
        return strategy
    return WithMemory(
        strategy.num_ops,
        strategy.population,
        inner=strategy,
        capacity=capacity,
        draws=draws,
    )
