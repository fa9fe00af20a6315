"""Many searches in one program: seeds x generations, in chunks of bounded memory."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.search.base import (
    EvaluateFn,
    SearchState,
    Strategy,
    advance,
    fidelities_of,
    generation_keys,
    sanitise,
    score,
    start,
)


class Evaluated(NamedTuple):
    """One generation, as evaluated; many of them on the host, with leading axes."""

    archs: Array | np.ndarray  # [P, L] int32
    scores: Array | np.ndarray  # [P] float32, -inf for failures
    fidelities: Array | np.ndarray  # [P] int32, 0 the cheapest


RecordFn = Callable[[SearchState, Evaluated], Any]
"""`record(state, evaluated) -> pytree`: what is kept of a generation."""


def everything(state: SearchState, evaluated: Evaluated) -> Evaluated:
    """Keeps all that was evaluated."""
    del state
    return evaluated


def incumbent(state: SearchState, evaluated: Evaluated) -> tuple[Array, Array]:
    """Keeps the best arch so far, int32 [L], and its score."""
    del evaluated
    return state.best_arch, state.best_score


def as_argument(evaluate: EvaluateFn) -> EvaluateFn:
    """An evaluator that a program can take as an argument.

    Evaluators that are pytrees stay as they are: their arrays are arguments, and tables
    of one shape share a program. Other functions become a part of the program.
    """
    if jax.tree_util.treedef_is_leaf(jax.tree.structure(evaluate)):
        return jax.tree_util.Partial(evaluate)
    return evaluate


@functools.lru_cache(maxsize=16)
def compiled_searches(
    strategy: Strategy, generations: int, record: RecordFn
) -> Callable[[EvaluateFn, Array], Any]:
    """The program behind `search_seeds`, compiled at its first call for a shape.

    Args:
      strategy: the strategy.
      generations: G.
      record: what is kept of each generation.

    Returns:
      `run(evaluate, keys [S])`, what `record` returns with leading axes [S, G]; the
      evaluator is one of `as_argument`.
    """

    def search(evaluate: EvaluateFn, key: Array) -> Any:
        def generation(state: SearchState, _: None) -> tuple[SearchState, Any]:
            ask_key, evaluate_key = generation_keys(key, state.generation)
            archs = strategy.ask(ask_key, state.strategy_state)
            fidelities = fidelities_of(strategy, state.strategy_state)
            archs, scores = score(strategy, evaluate, evaluate_key, state, archs)
            state = advance(strategy, state, archs, scores)
            return state, record(state, Evaluated(archs, sanitise(scores), fidelities))

        return jax.lax.scan(generation, start(strategy, key), length=generations)[1]

    return jax.jit(jax.vmap(search, in_axes=(None, 0)))


def search_seeds(
    strategy: Strategy,
    evaluate: EvaluateFn,
    keys: Array,
    generations: int,
    *,
    record: RecordFn = everything,
    seeds_at_once: int = 256,
) -> Any:
    """Runs one search a key.

    Args:
      strategy: the strategy.
      evaluate: an evaluator in JAX.
      keys: S root keys, each as for `scan_search`, and with the same result.
      generations: G.
      record: what is kept of each generation.
      seeds_at_once: searches of one call, which bounds the memory on the device.

    Returns:
      What `record` returns, as NumPy arrays with leading axes [S, G].

    Raises:
      UserError: no key.
    """
    if len(keys) < 1:
        raise UserError("keys: got none, expected at least one search")

    size = min(seeds_at_once, len(keys))
    program = compiled_searches(strategy, generations, record)
    run = functools.partial(program, as_argument(evaluate))
    parts = []
    for first in range(0, len(keys), size):
        # The last chunk repeats a key, so that one program serves all of them.
        places = np.minimum(np.arange(first, first + size), len(keys) - 1)
        part = jax.device_get(run(keys[places]))
        kept = min(size, len(keys) - first)
        parts.append(jax.tree.map(lambda leaf, kept=kept: leaf[:kept], part))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
