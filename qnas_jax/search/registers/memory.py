"""Memory for registers: what was evaluated is not proposed again.

A register that has converged shows the same arch again and again. With memory each
individual is observed a fixed number of times, and the first arch that is new is
proposed; so converged registers are driven to their less likely values. The registers
themselves stay as they are.

Sources: the list of archs known before is that of tabu search: Glover, ORSA J.
Computing 1 (1989); for NAS: White, Nolen & Savani, UAI 2021, who never evaluate an arch
twice.
"""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.search.base import Strategy
from qnas_jax.search.history import History, among, empty_history, record


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


def choose_unknown(candidates: Array, history: History) -> Array:
    """Of each individual's candidates the first that is not in the history.

    Args:
      candidates: int32 [P, D, L].
      history: M rows.

    Returns:
      int32 [P, L], see `first_unknown`.
    """
    population, draws, num_layers = candidates.shape
    known = among(candidates.reshape(-1, num_layers), history.archs)
    return first_unknown(candidates, known.reshape(population, draws))


def with_memory(strategy: Strategy, *, capacity: int, draws: int) -> Strategy:
    """Gives a strategy a memory.

    Args:
      strategy: one whose `ask` observes at random.
      capacity: evaluations that are remembered, at least P.
      draws: D, observations of each individual; 1 gives the strategy as it is.

    Returns:
      The strategy; its state is `Remembered`. Its probabilities are those of one
      observation, before what is known is left out.
    """
    if draws == 1:
        return strategy

    def init(key: Array) -> Remembered:
        history = empty_history(capacity, strategy.num_layers)
        return Remembered(strategy.init(key), history)

    def ask(key: Array, state: Remembered) -> Array:
        keys = jax.random.split(key, draws)
        observe = jax.vmap(strategy.ask, in_axes=(0, None), out_axes=1)
        return choose_unknown(observe(keys, state.inner), state.history)

    def learn(state: Remembered, archs: Array, scores: Array) -> Remembered:
        inner = strategy.learn(state.inner, archs, scores)
        return Remembered(inner, record(state.history, archs, scores))

    return dataclasses.replace(
        strategy,
        init=init,
        ask=ask,
        learn=learn,
        probabilities=lambda state: strategy.probabilities(state.inner),
    )
