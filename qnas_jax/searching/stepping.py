"""A search on the host as one small program, for functions that are not JAX.

What happens between two evaluations (learn from the last generation, ask for the next)
is one compiled function of the number of generations, keys included. The keys are those
of `host_search`; what is best is for whoever evaluates to know.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.base import Strategy
from qnas_jax.searching.generations import (
    fidelities_of,
    generation_keys,
    initial_key,
)
from qnas_jax.searching.host_program import compile_for_host, on_host
from qnas_jax.searching.pareto.strategy import ParetoStrategy

_NOT_STARTED = -1  # generation of a state that holds nothing


class Waiting(NamedTuple):
    """A search between two steps.

    Attributes:
      strategy_state: what the strategy knows.
      generation: int32 [], of what was asked for last.
    """

    strategy_state: Any
    generation: Any


class Asked(NamedTuple):
    """What is to be evaluated next.

    Attributes:
      archs: int32 [P, L].
      fidelities: int32 [P], 0 the cheapest; None where the strategy has none.
      key: a JAX key [], for the evaluation.
    """

    archs: np.ndarray
    fidelities: np.ndarray | None
    key: Array


class Stepper:
    """A search that waits for what becomes of its architectures.

    Attributes:
      strategy: the strategy.
      state: what is known; of no meaning before the first `ask`.
    """

    def __init__(self, strategy: Strategy, key: int | Array):
        """Nothing is compiled yet.

        Args:
          strategy: the strategy, of one objective or several.
          key: the root key of the search, or the seed of one.
        """
        self.strategy = strategy
        self._key = key_words(key)
        _, self.state, *self._told = _nothing(strategy)

    @functools.cached_property
    def _program(self) -> Any:
        leaves, tree = jax.tree.flatten(self.strategy)
        found = [np.asarray(leaf) for leaf in leaves]
        return _compiled((tree, tuple((leaf.shape, leaf.dtype) for leaf in found)))

    def ask(self, archs: Any = None, scores: Any = None) -> Asked:
        """Learns from the last generation and asks for the next.

        Args:
          archs: int32 [P, L], as evaluated; None before the first generation.
          scores: float32 [P], or [P, M] of several objectives, maximised; those that
            are not finite never win.

        Returns:
          The next generation.
        """
        if archs is not None:
            self._told = [np.asarray(archs, np.int32), np.asarray(scores, np.float32)]
        with on_host():
            self.state, found, fidelities, key = self._program(
                self.strategy, self._key, self.state, *self._told
            )
        one_fidelity = self.strategy.fidelities is None
        return Asked(
            np.asarray(found), None if one_fidelity else np.asarray(fidelities), key
        )


def key_words(key: int | Array) -> np.ndarray:
    """The two words of a key of Threefry, uint32 [2], without compiling anything."""
    if isinstance(key, jax.Array):
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            key = jax.random.key_data(key)
        return np.asarray(key, np.uint32).reshape(-1)[:2]
    return np.asarray([key >> 32, key & 0xFFFFFFFF], np.uint32)


def _step(
    strategy: Strategy,
    words: Array,
    state: Waiting,
    archs: Array,
    scores: Array,
) -> tuple[Waiting, Array, Array, Array]:
    key = jax.random.wrap_key_data(words, impl="threefry2x32")
    known = jax.lax.cond(
        state.generation == _NOT_STARTED,
        lambda: strategy.init(initial_key(key)),
        lambda: strategy.tell(state.strategy_state, archs, scores),
    )
    state = Waiting(known, state.generation + 1)
    ask_key, evaluate_key = generation_keys(key, state.generation)
    found = strategy.ask(ask_key, known)
    return state, found, fidelities_of(strategy, state), evaluate_key


def _nothing(strategy: Strategy) -> tuple[np.ndarray, Waiting, Any, Any]:
    """What a step is given before the first generation: all of it zeros."""
    form = jax.eval_shape(lambda each: each.init(jax.random.key(0)), strategy)
    state = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), form)
    archs = np.zeros((strategy.population, strategy.num_layers), np.int32)
    several = (strategy.num_objectives,) if isinstance(strategy, ParetoStrategy) else ()
    scores = np.zeros((strategy.population, *several), np.float32)
    return np.zeros(2, np.uint32), Waiting(state, np.int32(_NOT_STARTED)), archs, scores


@functools.lru_cache(maxsize=128)
def _compiled(form: Any) -> Any:
    """The step of all strategies of one form: a tree; shape and type of each leaf."""
    tree, leaves = form
    strategy = jax.tree.unflatten(
        tree, [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in leaves]
    )
    return compile_for_host(_step, strategy, *_nothing(strategy))
