"""The search loop for several objectives: what is kept is a front, not a best arch.

Keys and steps are those of `searching.generations`. The front is an `Archive`, kept
here whatever the strategy keeps for itself.

    scan_fronts    one program, for evaluators in JAX; can be jitted, vmapped over keys
    front_seeds    many searches in one program, in chunks of bounded memory
    host_fronts    one generation after the other, for all other evaluators
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.generations import (
    Evaluated,
    EvaluateFn,
    HostEvaluateFn,
    host_generations,
    initial_key,
    scan_generations,
)
from qnas_jax.searching.many import search_seeds
from qnas_jax.searching.pareto.archive import Archive, empty_archive, insert
from qnas_jax.searching.pareto.dominance import sanitise_objectives
from qnas_jax.searching.pareto.hypervolume import hypervolume
from qnas_jax.searching.pareto.strategy import ParetoStrategy

MOST_MEMBERS = 100
"""Archs of a front that are kept, unless another number is given."""


@flax.struct.dataclass
class FrontState:
    """All that a search has to keep between two generations."""

    strategy_state: Any
    front: Archive
    generation: Array  # [] int32, generations done


class Points(NamedTuple):
    """One generation, as evaluated; many of them with leading axes."""

    archs: Array | np.ndarray  # [P, L] int32
    objectives: Array | np.ndarray  # [P, M] float32, -inf throughout for failures


RecordFn = Callable[[FrontState, Points], Any]
"""`record(state, points) -> pytree`: what is kept of a generation, which led to the
state."""


def all_points(state: FrontState, points: Points) -> Points:
    """Keeps all that was evaluated."""
    del state
    return points


def front_volume(state: FrontState, points: Points) -> Array:
    """Keeps the hypervolume of the front, to the archive's own reference: []."""
    del points
    return hypervolume(state.front.objectives, state.front.reference)


def start_front(
    strategy: ParetoStrategy, key: Array, *, members: int = MOST_MEMBERS
) -> FrontState:
    """The state before the first generation.

    Args:
      strategy: the strategy.
      key: the root key of the search.
      members: A, archs of the front that are kept.

    Returns:
      A state with an empty front.
    """
    return FrontState(
        strategy_state=strategy.init(initial_key(key)),
        front=empty_archive(members, strategy.num_layers, strategy.num_objectives),
        generation=jnp.int32(0),
    )


def advance_front(
    strategy: ParetoStrategy, state: FrontState, archs: Array, objectives: Array
) -> FrontState:
    """Ends a generation: updates the front and lets the strategy learn.

    Args:
      strategy: the strategy.
      state: the state in which the archs were asked for.
      archs: int32 [P, L], as evaluated.
      objectives: float32 [P, M], maximised; failed ones are never on the front.

    Returns:
      The state of the next generation.
    """
    return FrontState(
        strategy_state=strategy.tell(state.strategy_state, archs, objectives),
        front=insert(state.front, archs, objectives),
        generation=state.generation + 1,
    )


def scan_fronts(
    strategy: ParetoStrategy,
    evaluate: EvaluateFn,
    key: Array,
    generations: int,
    *,
    record: RecordFn = front_volume,
    members: int = MOST_MEMBERS,
) -> tuple[FrontState, Any]:
    """Runs a whole search as one program.

    Args:
      strategy: the strategy.
      evaluate: a JAX function `(key, archs [P, L]) -> (archs [P, L], objectives [P,
        M])`.
      key: the root key, consumed.
      generations: G; G * P archs are evaluated.
      record: what is kept of each generation.
      members: A, archs of the front that are kept.

    Returns:
      The last state, and what `record` returned with a leading axis [G].
    """

    def end(state: FrontState, found: Evaluated) -> tuple[FrontState, Any]:
        archs, objectives, _ = found
        state = advance_front(strategy, state, archs, objectives)
        return state, record(state, Points(archs, sanitise_objectives(objectives)))

    first = start_front(strategy, key, members=members)
    return scan_generations(strategy, evaluate, key, generations, first, end)


def front_seeds(
    strategy: ParetoStrategy,
    evaluate: EvaluateFn,
    keys: Array,
    generations: int,
    *,
    record: RecordFn = all_points,
    members: int = MOST_MEMBERS,
    seeds_at_once: int = 256,
) -> Any:
    """Runs one search a key.

    Args:
      strategy: the strategy.
      evaluate: an evaluator in JAX.
      keys: S root keys, each as for `scan_fronts`, and with the same result.
      generations: G.
      record: what is kept of each generation.
      members: A, archs of each front that are kept.
      seeds_at_once: searches of one call, which bounds the memory on the device.

    Returns:
      What `record` returns, as NumPy arrays with leading axes [S, G].

    Raises:
      UserError: no key.
    """
    return search_seeds(
        strategy,
        evaluate,
        keys,
        generations,
        record=record,
        seeds_at_once=seeds_at_once,
        scan=scan_fronts,
        members=members,
    )


class FrontStep(NamedTuple):
    """One generation of `host_fronts`.

    Attributes:
      number: 0 for the first.
      before: the state in which the archs were asked for.
      points: what was evaluated, NumPy arrays.
      after: the state of the next generation.
    """

    number: int
    before: FrontState
    points: Points
    after: FrontState


def host_fronts(
    strategy: ParetoStrategy,
    evaluate: HostEvaluateFn,
    key: Array,
    generations: int,
    state: FrontState | None = None,
    *,
    members: int = MOST_MEMBERS,
) -> Iterator[FrontStep]:
    """Runs a search generation by generation, for evaluators that are not JAX.

    Args:
      strategy: the strategy; its functions are compiled.
      evaluate: any function `(key, archs [P, L]) -> (archs, objectives [P, M])` of
        NumPy archs.
      key: the root key, consumed.
      generations: G, in all.
      state: after some of them; None: before the first.
      members: A, archs of the front that are kept, where there is no state.

    Yields:
      Each generation when it is over.
    """

    def end(state: FrontState, found: Evaluated) -> tuple[FrontState, Points]:
        archs, objectives, _ = found
        objectives = sanitise_objectives(jnp.asarray(objectives))
        after = _advance(strategy, state, archs, objectives)
        return after, Points(np.asarray(archs), np.asarray(objectives))

    if state is None:
        state = start_front(strategy, key, members=members)
    for step in host_generations(strategy, evaluate, key, generations, state, end):
        yield FrontStep(*step)


_advance = jax.jit(advance_front)
