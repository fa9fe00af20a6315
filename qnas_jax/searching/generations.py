"""Generation after generation: one ask, one evaluation, one tell, whatever is kept.

The first generation is like all others. Keys follow from the root key and the number
of the generation alone, so that a search goes on from any of its states.

    scan_generations   one program, for evaluators in JAX
    host_generations   one generation after the other, for all others

A state has the fields `strategy_state` and `generation`; what else is in it, and how a
generation ends, is up to the loop that is built on this.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.base import Strategy

EvaluateFn = Callable[..., tuple[Array, Array]]
"""`evaluate(key, archs) -> (archs, scores)`; it may hand back repaired archs.

For strategies with fidelities `evaluate(key, archs, fidelities)`, int32 [P], 0 the
cheapest.
"""

HostEvaluateFn = Callable[..., tuple[Array | np.ndarray, Array | np.ndarray]]
"""The same for evaluators that are not JAX: they get NumPy archs and fidelities."""

_INIT_STREAM, _GENERATION_STREAM = 0, 1


class Evaluated(NamedTuple):
    """What an evaluator gave for one generation."""

    archs: Any  # [P, L] int32, as evaluated
    scores: Any  # [P], or objectives [P, M]
    fidelities: Any  # [P] int32, zeros where there is only one


def generation_keys(key: Array, generation: Array | int) -> tuple[Array, Array]:
    """Keys of one generation, a function of the root key and the generation only.

    Args:
      key: the root key of the search (the one given to `start`).
      generation: [] int, 0 for the first.

    Returns:
      (ask_key, evaluate_key), JAX keys [].
    """
    stream = jax.random.fold_in(key, _GENERATION_STREAM)
    ask_key, evaluate_key = jax.random.split(jax.random.fold_in(stream, generation))
    return ask_key, evaluate_key


def initial_key(key: Array) -> Array:
    """The key [] of a strategy's first state, from the root key [] of the search."""
    return jax.random.fold_in(key, _INIT_STREAM)


def scan_generations(
    strategy: Strategy,
    evaluate: EvaluateFn,
    key: Array,
    generations: int,
    first: Any,
    end: Callable[[Any, Evaluated], tuple[Any, Any]],
) -> tuple[Any, Any]:
    """Runs generations as one program.

    Args:
      strategy: the strategy.
      evaluate: an evaluator in JAX.
      key: the root key, consumed.
      generations: G.
      first: the state before them.
      end: `end(state, evaluated) -> (next state, what is kept)`.

    Returns:
      The last state, and what is kept with a leading axis [G].
    """

    def generation(state: Any, _: None) -> tuple[Any, Any]:
        ask_key, evaluate_key = generation_keys(key, state.generation)
        archs = strategy.ask(ask_key, state.strategy_state)
        fidelities = fidelities_of(strategy, state)
        return end(
            state, _evaluated(strategy, evaluate, evaluate_key, archs, fidelities)
        )

    return jax.lax.scan(generation, first, length=generations)


def host_generations(
    strategy: Strategy,
    evaluate: HostEvaluateFn,
    key: Array,
    generations: int,
    state: Any,
    end: Callable[[Any, Evaluated], tuple[Any, Any]],
) -> Iterator[tuple[int, Any, Any, Any]]:
    """Runs generations one by one. It ends when the caller leaves the loop.

    Args:
      strategy: the strategy; its functions are compiled.
      evaluate: any function of NumPy archs.
      key: the root key, consumed.
      generations: G, in all.
      state: after some of them.
      end: `end(state, evaluated) -> (next state, what is kept)`.

    Yields:
      Each generation when it is over: its number, the state before it, what is kept,
      the state after it.
    """
    for number in range(int(state.generation), generations):
        ask_key, evaluate_key = generation_keys(key, number)
        archs = np.asarray(_ask(strategy, ask_key, state.strategy_state))
        fidelities = np.asarray(fidelities_of(strategy, state))
        evaluated = _evaluated(strategy, evaluate, evaluate_key, archs, fidelities)
        after, kept = end(state, evaluated)
        yield number, state, kept, after
        state = after


@jax.jit
def _ask(strategy: Strategy, key: Array, state: Any) -> Array:
    return strategy.ask(key, state)


def fidelities_of(strategy: Strategy, state: Any) -> Array:
    """Fidelities int32 [P] of the next generation, zeros where there is only one."""
    if strategy.fidelities is None:
        return jnp.zeros(strategy.population, jnp.int32)
    return strategy.fidelities(state.strategy_state)


def _evaluated(
    strategy: Strategy,
    evaluate: Callable[..., tuple[Any, Any]],
    key: Array,
    archs: Any,
    fidelities: Any,
) -> Evaluated:
    """Evaluates at the fidelities that the strategy wants, if it wants any."""
    if strategy.fidelities is None:
        return Evaluated(*evaluate(key, archs), fidelities)
    return Evaluated(*evaluate(key, archs, fidelities), fidelities)
