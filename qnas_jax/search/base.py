"""The strategy protocol, best-so-far tracking and the search loop.

A strategy is a value with pure functions on a pytree state, like an optimiser in optax:
`ask` proposes a population, an evaluator scores it, `tell` learns from it. Every
generation, the first included, is one ask, one evaluation and one tell. The loop runs
on the host (`start`, `generation_keys`, `advance`) or as one program (`scan_search`,
which can be jitted and vmapped over keys); both take the same keys and the same steps.

A strategy may ask for cheaper evaluations first (successive halving): it then says
which fidelity each arch of a generation is to be evaluated at, and the evaluator takes
these as a third argument.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.errors import UserError

EvaluateFn = Callable[..., tuple[Array, Array]]
"""`evaluate(key, archs) -> (archs, scores)`; it may hand back repaired archs.

For strategies with fidelities `evaluate(key, archs, fidelities)`, int32 [P], 0 the
cheapest.
"""

_INIT_STREAM, _GENERATION_STREAM = 0, 1


@dataclasses.dataclass(frozen=True)
class Strategy:
    """How to propose architectures and to learn from their scores.

    All functions are pure, so that they run eagerly and under jit, scan and vmap.

    Attributes:
      num_ops: (K_1, ..., K_L), the number of ops of each layer.
      population: P, archs proposed in one generation.
      init: `init(key) -> state`, the state before any evaluation.
      ask: `ask(key, state) -> archs`, int32 [P, L]; the state stays as it is.
      learn: `learn(state, archs, scores) -> state` on sanitised scores; call `tell`.
      probabilities: `probabilities(state) -> [L, K_max]`, the mean over the population
        of the probability that `ask` draws an op; zero for ops that a layer lacks.
      fidelities: `fidelities(state) -> int32 [P]`, the fidelity, 0 the cheapest, at
        which each arch of the next `ask` is to be evaluated; None: one fidelity only.
    """

    num_ops: tuple[int, ...]
    population: int
    init: Callable[[Array], Any]
    ask: Callable[[Array, Any], Array]
    learn: Callable[[Any, Array, Array], Any]
    probabilities: Callable[[Any], Array]
    fidelities: Callable[[Any], Array] | None = None

    def __post_init__(self) -> None:
        if self.population < 1:
            raise UserError(f"population: got {self.population}, expected at least 1")

    @property
    def num_layers(self) -> int:
        """L, the number of layers."""
        return len(self.num_ops)

    def tell(self, state: Any, archs: Array, scores: Array) -> Any:
        """Learns from one evaluated population.

        Args:
          state: what `init` or the previous `tell` returned.
          archs: int32 [P, L], row i belongs to individual i. They may differ from those
            asked for, for example after a repair.
          scores: float32 [P], maximised; non-finite ones count as -inf.

        Returns:
          The new state.
        """
        chex.assert_shape(archs, (self.population, self.num_layers))
        chex.assert_shape(scores, (self.population,))
        return self.learn(state, archs, sanitise(scores))


@flax.struct.dataclass
class SearchState:
    """All that a search has to keep between two generations."""

    strategy_state: Any
    best_arch: Array  # [L] int32, zeros while best_score is -inf
    best_score: Array  # [] float32, -inf until a finite score was seen
    best_fidelity: Array  # [] int32, what best_score was measured at, -1 before
    generation: Array  # [] int32, generations done


class Trace(NamedTuple):
    """Scores of one generation, or of G generations when stacked by `scan_search`."""

    best: Array  # [] or [G], best score so far
    mean: Array  # [] or [G], mean of the finite scores, NaN if there is none
    generation_best: Array  # [] or [G], best score of the generation


def sanitise(scores: Array) -> Array:
    """Returns float32 scores in which every non-finite one is -inf and cannot win."""
    scores = jnp.asarray(scores, jnp.float32)
    return jnp.where(jnp.isfinite(scores), scores, -jnp.inf)


def generation_keys(key: Array, generation: Array | int) -> tuple[Array, Array]:
    """Keys of one generation, a function of the root key and the generation only.

    Args:
      key: the root key of the search (the one given to `start`).
      generation: 0 for the first.

    Returns:
      (ask_key, evaluate_key).
    """
    stream = jax.random.fold_in(key, _GENERATION_STREAM)
    ask_key, evaluate_key = jax.random.split(jax.random.fold_in(stream, generation))
    return ask_key, evaluate_key


def start(strategy: Strategy, key: Array) -> SearchState:
    """The state before the first generation.

    Args:
      strategy: the strategy.
      key: the root key of the search.

    Returns:
      A state without any best arch.
    """
    return SearchState(
        strategy_state=strategy.init(jax.random.fold_in(key, _INIT_STREAM)),
        best_arch=jnp.zeros(strategy.num_layers, jnp.int32),
        best_score=jnp.float32(-jnp.inf),
        best_fidelity=jnp.int32(-1),
        generation=jnp.int32(0),
    )


def fidelities_of(strategy: Strategy, strategy_state: Any) -> Array:
    """Fidelities int32 [P] of the next generation, zeros where there is only one."""
    if strategy.fidelities is None:
        return jnp.zeros(strategy.population, jnp.int32)
    return strategy.fidelities(strategy_state)


def score(
    strategy: Strategy,
    evaluate: EvaluateFn,
    key: Array,
    state: SearchState,
    archs: Array,
) -> tuple[Array, Array]:
    """Evaluates one population at the fidelities that the strategy wants.

    Args:
      strategy: the strategy.
      evaluate: the evaluator.
      key: consumed by the evaluator.
      state: the state in which the archs were asked for.
      archs: int32 [P, L].

    Returns:
      (archs, scores [P]) of the evaluator.
    """
    if strategy.fidelities is None:
        return evaluate(key, archs)
    return evaluate(key, archs, strategy.fidelities(state.strategy_state))


def advance(
    strategy: Strategy, state: SearchState, archs: Array, scores: Array
) -> SearchState:
    """Ends a generation: updates the best so far and lets the strategy learn.

    Args:
      strategy: the strategy.
      state: the state in which the archs were asked for.
      archs: int32 [P, L], as evaluated.
      scores: float32 [P], maximised; non-finite ones never win.

    Returns:
      The state of the next generation. A higher fidelity beats a lower one whatever
      the scores, which do not compare; on ties the earlier best stays.
    """
    scores = sanitise(scores)
    fidelities = fidelities_of(strategy, state.strategy_state)
    highest = jnp.max(jnp.where(jnp.isfinite(scores), fidelities, -1))
    winner = jnp.argmax(jnp.where(fidelities == highest, scores, -jnp.inf))
    better = (highest > state.best_fidelity) | (
        (highest == state.best_fidelity) & (scores[winner] > state.best_score)
    )
    return SearchState(
        strategy_state=strategy.tell(state.strategy_state, archs, scores),
        best_arch=jnp.where(better, archs[winner], state.best_arch),
        best_score=jnp.where(better, scores[winner], state.best_score),
        best_fidelity=jnp.where(better, highest, state.best_fidelity),
        generation=state.generation + 1,
    )


def scan_search(
    strategy: Strategy, evaluate: EvaluateFn, key: Array, generations: int
) -> tuple[SearchState, Trace]:
    """Runs a whole search as one program.

    Args:
      strategy: the strategy.
      evaluate: a JAX function `(key, archs [P, L]) -> (archs [P, L], scores [P])`.
      key: the root key, consumed.
      generations: G; G * P archs are evaluated.

    Returns:
      The last state, and a trace whose fields have shape [G].
    """

    def generation(state: SearchState, _: None) -> tuple[SearchState, Trace]:
        ask_key, evaluate_key = generation_keys(key, state.generation)
        archs = strategy.ask(ask_key, state.strategy_state)
        archs, scores = score(strategy, evaluate, evaluate_key, state, archs)
        state = advance(strategy, state, archs, scores)
        return state, _summarise(state, sanitise(scores))

    return jax.lax.scan(generation, start(strategy, key), length=generations)


def _summarise(state: SearchState, scores: Array) -> Trace:
    return Trace(
        best=state.best_score,
        mean=jnp.mean(scores, where=jnp.isfinite(scores)),
        generation_best=jnp.max(scores),
    )
