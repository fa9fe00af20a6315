"""A search on the host as one small program, for functions that are not JAX.

What happens between two evaluations (learn from the last generation, ask for the next)
is one compiled function of the number of generations, keys included. It is compiled
quickly rather than well, since most of the time goes to making it: 0.6 s instead of 4 s
of processor time for the default strategy, while a step takes a millisecond either way.
The keys are those of `host_search`.
"""

import contextlib
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.base import Strategy
from qnas_jax.searching.generations import fidelities_of, generation_keys
from qnas_jax.searching.loop import SearchState, advance, start

_NOT_STARTED = -1  # `SearchState.generation` of a state that holds nothing


class Asked(NamedTuple):
    """What is to be evaluated next.

    Attributes:
      archs: int32 [P, L].
      fidelities: int32 [P], 0 the cheapest; None where the strategy has none.
      key: for the evaluation.
    """

    archs: np.ndarray
    fidelities: np.ndarray | None
    key: Array


class Stepper:
    """A search that waits for the scores of what it asked for.

    Attributes:
      strategy: the strategy.
      state: what is known; of no meaning before the first `ask`.
    """

    def __init__(self, strategy: Strategy, key: int | Array):
        """Nothing is compiled yet.

        Args:
          strategy: the strategy.
          key: the root key of the search, or the seed of one.
        """
        self.strategy = strategy
        self._key = key_words(key)
        self.state = _nothing(strategy)
        self._told: tuple[np.ndarray, np.ndarray] = (
            np.zeros((strategy.population, strategy.num_layers), np.int32),
            np.zeros(strategy.population, np.float32),
        )

    def ask(self, archs: Any = None, scores: Any = None) -> Asked:
        """Learns from the last generation and asks for the next.

        Args:
          archs: int32 [P, L], as evaluated; None before the first generation.
          scores: float32 [P], maximised; those that are not finite never win.

        Returns:
          The next generation.
        """
        if archs is not None:
            self._told = np.asarray(archs, np.int32), np.asarray(scores, np.float32)
        with _on_cpu():
            self.state, found, fidelities, key = _program()(
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
    state: SearchState,
    archs: Array,
    scores: Array,
) -> tuple[SearchState, Array, Array, Array]:
    key = jax.random.wrap_key_data(words, impl="threefry2x32")
    state = jax.lax.cond(
        state.generation == _NOT_STARTED,
        lambda: start(strategy, key),
        lambda: advance(strategy, state, archs, scores),
    )
    ask_key, evaluate_key = generation_keys(key, state.generation)
    found = strategy.ask(ask_key, state.strategy_state)
    return state, found, fidelities_of(strategy, state), evaluate_key


def _nothing(strategy: Strategy) -> SearchState:
    """A state of the right form that holds nothing."""
    form = jax.eval_shape(lambda: start(strategy, jax.random.key(0)))
    state: SearchState = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype), form
    )
    return state.replace(generation=np.int32(_NOT_STARTED))  # type: ignore[attr-defined]


@functools.cache
def _program() -> Any:
    """The step, compiled quickly; one program for all strategies of one form."""
    quick: dict[str, Any] = {"xla_backend_optimization_level": 0}
    if jax.__version_info__ < (
        0,
        11,
    ):  # the older emitters are quicker; gone since then
        quick["xla_cpu_use_fusion_emitters"] = False
    return jax.jit(_step, compiler_options=quick)


def _on_cpu() -> contextlib.AbstractContextManager[Any]:
    """Programs of milliseconds stay on the host, whatever accelerator there is."""
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # JAX was told to know accelerators only.
        return contextlib.nullcontext()
