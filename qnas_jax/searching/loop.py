"""The search loop, in two forms that take the same keys and the same steps.

What is kept between generations is the best arch so far.

    scan_search   one program, for evaluators in JAX; can be jitted, vmapped over keys
    host_search   one generation after the other, for all others

What is kept of a generation is up to a `record` function, or to the loop's body.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.base import Strategy, sanitise
from qnas_jax.searching.generations import (
    Evaluated,
    EvaluateFn,
    HostEvaluateFn,
    fidelities_of,
    host_generations,
    initial_key,
    scan_generations,
)

TiesFn = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""`ties(archs [P, L], fidelities [P]) -> float32 [P]` of archs just evaluated;
fidelities are None where the strategy has none."""


@flax.struct.dataclass
class SearchState:
    """All that a search has to keep between two generations."""

    strategy_state: Any
    best_arch: Array  # [L] int32, zeros while best_score is -inf
    best_score: Array  # [] float32, -inf until a finite score was seen
    best_fidelity: Array  # [] int32, what best_score was measured at, -1 before
    best_tie: Array  # [] float32, decides between equal scores; -inf before
    generation: Array  # [] int32, generations done


class Generation(NamedTuple):
    """One generation, as evaluated; many of them with leading axes."""

    archs: Array | np.ndarray  # [P, L] int32
    scores: Array | np.ndarray  # [P] float32, -inf for failures
    fidelities: Array | np.ndarray  # [P] int32, 0 the cheapest


class Trace(NamedTuple):
    """Scores of one generation, or of G generations when stacked by `scan_search`."""

    best: Array  # [] or [G], best score so far
    mean: Array  # [] or [G], mean of the finite scores, NaN if there is none
    generation_best: Array  # [] or [G], best score of the generation


RecordFn = Callable[[SearchState, Generation], Any]
"""`record(state, generation) -> pytree`: what is kept of a generation, which led to
the state."""


def scores_only(state: SearchState, generation: Generation) -> Trace:
    """Keeps how good the best is, and the generation."""
    scores = jnp.asarray(generation.scores)
    return Trace(
        best=state.best_score,
        mean=jnp.mean(scores, where=jnp.isfinite(scores)),
        generation_best=jnp.max(scores),
    )


def everything(state: SearchState, generation: Generation) -> Generation:
    """Keeps all that was evaluated."""
    del state
    return generation


def incumbent(state: SearchState, generation: Generation) -> tuple[Array, Array]:
    """Keeps the best arch so far, int32 [L], and its score."""
    del generation
    return state.best_arch, state.best_score


def start(strategy: Strategy, key: Array) -> SearchState:
    """The state before the first generation.

    Args:
      strategy: the strategy.
      key: the root key of the search.

    Returns:
      A state without any best arch.
    """
    return SearchState(
        strategy_state=strategy.init(initial_key(key)),
        best_arch=jnp.zeros(strategy.num_layers, jnp.int32),
        best_score=jnp.float32(-jnp.inf),
        best_fidelity=jnp.int32(-1),
        best_tie=jnp.float32(-jnp.inf),
        generation=jnp.int32(0),
    )


def advance(
    strategy: Strategy,
    state: SearchState,
    archs: Array,
    scores: Array,
    ties: Array | None = None,
) -> SearchState:
    """Ends a generation: updates the best so far and lets the strategy learn.

    Args:
      strategy: the strategy.
      state: the state in which the archs were asked for.
      archs: int32 [P, L], as evaluated.
      scores: float32 [P], maximised; non-finite ones never win.
      ties: float32 [P], the larger of which wins where scores are equal, as accuracies
        of a few hundred images often are; None: nothing more is known. Strategies do
        not see them.

    Returns:
      The state of the next generation. A higher fidelity beats a lower one whatever
      the scores, which do not compare; where ties are equal too the earlier best stays.
    """
    scores = sanitise(scores)
    ties = jnp.zeros_like(scores) if ties is None else jnp.asarray(ties, jnp.float32)
    ties = jnp.where(jnp.isfinite(ties), ties, jnp.finfo(jnp.float32).min)
    fidelities = fidelities_of(strategy, state)
    highest = jnp.max(jnp.where(jnp.isfinite(scores), fidelities, -1))
    comparable = jnp.where(fidelities == highest, scores, -jnp.inf)
    winner = jnp.argmax(jnp.where(comparable == jnp.max(comparable), ties, -jnp.inf))
    above = (scores[winner] > state.best_score) | (
        (scores[winner] == state.best_score) & (ties[winner] > state.best_tie)
    )
    better = (highest > state.best_fidelity) | (
        (highest == state.best_fidelity) & (highest >= 0) & above
    )
    return SearchState(
        strategy_state=strategy.tell(state.strategy_state, archs, scores),
        best_arch=jnp.where(better, archs[winner], state.best_arch),
        best_score=jnp.where(better, scores[winner], state.best_score),
        best_fidelity=jnp.where(better, highest, state.best_fidelity),
        best_tie=jnp.where(better, ties[winner], state.best_tie),
        generation=state.generation + 1,
    )


def scan_search(
    strategy: Strategy,
    evaluate: EvaluateFn,
    key: Array,
    generations: int,
    *,
    record: RecordFn = scores_only,
) -> tuple[SearchState, Any]:
    """Runs a whole search as one program.

    Args:
      strategy: the strategy.
      evaluate: a JAX function `(key, archs [P, L]) -> (archs [P, L], scores [P])`.
      key: the root key, consumed.
      generations: G; G * P archs are evaluated.
      record: what is kept of each generation.

    Returns:
      The last state, and what `record` returned with a leading axis [G]; a `Trace`
      unless another one is given.
    """

    def end(state: SearchState, found: Evaluated) -> tuple[SearchState, Any]:
        state = advance(strategy, state, found.archs, found.scores)
        scores = sanitise(found.scores)
        return state, record(state, Generation(found.archs, scores, found.fidelities))

    first = start(strategy, key)
    return scan_generations(strategy, evaluate, key, generations, first, end)


class Step(NamedTuple):
    """One generation of `host_search`.

    Attributes:
      number: 0 for the first.
      before: the state in which the archs were asked for.
      generation: what was evaluated, NumPy arrays.
      after: the state of the next generation.
    """

    number: int
    before: SearchState
    generation: Generation
    after: SearchState


def host_search(
    strategy: Strategy,
    evaluate: HostEvaluateFn,
    key: Array,
    generations: int,
    state: SearchState | None = None,
    *,
    ties: TiesFn | None = None,
) -> Iterator[Step]:
    """Runs a search generation by generation, for evaluators that are not JAX.

    Keys derive from the number of the generation alone: a search that was stopped goes
    on from any of its states, and with an evaluator that knows what was evaluated
    before it is replayed without one. It ends when the caller leaves the loop.

    Args:
      strategy: the strategy; its functions are compiled.
      evaluate: any function `(key, archs [P, L]) -> (archs [P, L], scores [P])` of
        NumPy archs.
      key: the root key, consumed.
      generations: G, in all.
      state: after some of them; None: before the first.
      ties: what decides between equal scores, asked for after each evaluation; see
        `advance`.

    Yields:
      Each generation when it is over.
    """
    one_fidelity = strategy.fidelities is None

    def end(state: SearchState, found: Evaluated) -> tuple[SearchState, Generation]:
        archs, scores, fidelities = found
        told = None
        if ties is not None:
            told = ties(np.asarray(archs), None if one_fidelity else fidelities)
        after = _advance(strategy, state, archs, scores, told)
        return after, Generation(
            *map(np.asarray, (archs, sanitise(scores), fidelities))
        )

    first = start(strategy, key) if state is None else state
    for step in host_generations(strategy, evaluate, key, generations, first, end):
        yield Step(*step)


_advance = jax.jit(advance)
