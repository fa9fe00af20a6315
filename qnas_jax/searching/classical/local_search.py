"""Local search over single layers, with restarts at random archs.

The neighbours of an arch differ from it in the op of one layer. They are evaluated in
random order, those that were evaluated before are left out.

    best    all neighbours are evaluated, then the search moves to the best of them
    first   it moves as soon as a neighbour is better

Where no neighbour is better the search starts anew at a random arch.

Source: White, Nolen & Savani, Exploring the loss landscape in neural architecture
search, UAI 2021 (arXiv:2005.02960), algorithm 1 (`best`) and section 3 (`first`).
Differs from the paper in: P archs a generation (P = 1 is the paper's): P random archs
compete for the start, and places for which no neighbour is left get random archs, which
the search moves to if they are better.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Strategy
from qnas_jax.searching.history import History, among, empty_history, record
from qnas_jax.searching.observation import random_archs, uniform_ops
from qnas_jax.searching.spec import StrategySpec

IMPROVEMENTS = ("best", "first")
"""When the search moves: after all neighbours, or at the first better one."""


@dataclasses.dataclass(frozen=True)
class LocalSearchOptions(Options):
    """How `local_search` moves."""

    improvement: str = option(
        "best", "when it moves to a neighbour", choices=IMPROVEMENTS
    )


@flax.struct.dataclass
class LocalState:
    """Where the search stands; with a score of -inf it has yet to start."""

    arch: Array  # [L] int32
    score: Array  # [] float32
    rival: Array  # [L] int32, the best arch seen since it came here
    rival_score: Array  # [] float32
    queue: Array  # [N, L] int32, its neighbours in the order of evaluation
    waiting: Array  # [] int32, neighbours at the head of the queue to be evaluated
    asked: Array  # [] int32, how many of them were asked for
    history: History
    seed: Array  # [] uint32, of the orders of the queues


class LocalSearch(Strategy):
    """Goes through neighbours and moves; its state is a `LocalState`."""

    # Evaluations that are remembered.
    capacity: int = flax.struct.field(pytree_node=False)
    improvement: str = flax.struct.field(pytree_node=False)  # one of `IMPROVEMENTS`

    def init(self, key: Array) -> LocalState:
        """Nowhere."""
        nowhere = jnp.zeros(self.num_layers, jnp.int32)
        history = empty_history(self.capacity, self.num_layers)
        return _restart(nowhere, history, jax.random.bits(key), self.num_ops)

    def _places(self, state: LocalState) -> tuple[Array, Array]:
        """The next P of the queue, and whether there are so many."""
        place = state.asked + jnp.arange(self.population)
        last = len(state.queue) - 1
        return state.queue[jnp.minimum(place, last)], place < state.waiting

    def ask(self, key: Array, state: LocalState) -> Array:
        """The next neighbours int32 [P, L], random archs where none is left."""
        neighbours, there = self._places(state)
        keys = jax.random.split(key, self.population)
        strangers = random_archs(keys, self.num_ops)
        return jnp.where(there[:, None], neighbours, strangers)

    def learn(self, state: LocalState, archs: Array, scores: Array) -> LocalState:
        """Moves, starts anew, or goes on with the queue: archs [P, L], scores [P]."""
        state = _note(state, archs, scores)
        done = state.asked >= state.waiting
        better = state.rival_score > state.score
        moved = _arrive(state, self.num_ops)
        anew = _restart(state.arch, state.history, state.seed, self.num_ops)
        state = _choose(done & ~better, anew, state)
        return _choose(better & (done | (self.improvement == "first")), moved, state)

    def probabilities(self, state: LocalState) -> Array:
        """Neighbours are certain, others uniform, [L, K_max]."""
        uniform = uniform_ops(self.num_ops)
        neighbours, there = self._places(state)
        certain = jax.nn.one_hot(neighbours, uniform.shape[1])
        table = jnp.where(there[:, None, None], certain, jnp.asarray(uniform)[None])
        return table.mean(axis=0)


def local_search(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: LocalSearchOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, archs of one generation.
      generations: G; the last G * P evaluations are remembered.
      options: when it moves.

    Returns:
      The strategy.
    """
    capacity = generations * population
    return LocalSearch(num_ops, population, capacity, options.improvement)


def neighbours_of(arch: Array, num_ops: tuple[int, ...]) -> Array:
    """All archs that differ from one in a single layer.

    Args:
      arch: int32 [L].
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [N, L], N = sum (K_l - 1); the arch itself where that is zero.
    """
    moves = [(layer, step) for layer, k in enumerate(num_ops) for step in range(1, k)]
    layers, steps = np.asarray(moves or [(0, 0)]).T
    changed = (arch[layers] + steps) % jnp.asarray(num_ops, jnp.int32)[layers]
    rows = jnp.tile(arch[None], (len(layers), 1))
    return rows.at[jnp.arange(len(layers)), layers].set(changed)


def _note(state: LocalState, archs: Array, scores: Array) -> LocalState:
    winner = jnp.argmax(scores)
    better = scores[winner] > state.rival_score
    return dataclasses.replace(
        state,
        rival=jnp.where(better, archs[winner], state.rival),
        rival_score=jnp.where(better, scores[winner], state.rival_score),
        asked=jnp.minimum(state.asked + len(scores), state.waiting),
        history=record(state.history, archs, scores),
    )


def _restart(
    arch: Array, history: History, seed: Array, num_ops: tuple[int, ...]
) -> LocalState:
    """Nowhere yet: with nothing waiting, the next archs are random."""
    return LocalState(
        arch=arch,
        score=jnp.float32(-jnp.inf),
        rival=arch,
        rival_score=jnp.float32(-jnp.inf),
        queue=neighbours_of(arch, num_ops),
        waiting=jnp.int32(0),
        asked=jnp.int32(0),
        history=history,
        seed=seed,
    )


def _arrive(state: LocalState, num_ops: tuple[int, ...]) -> LocalState:
    """At the rival, with its neighbours in a new order, known ones last."""
    # A key a queue: the count of evaluations grows from one to the next.
    key = jax.random.fold_in(jax.random.key(state.seed), state.history.count)
    queue = neighbours_of(state.rival, num_ops)
    known = among(queue, state.history.archs)
    order = jnp.argsort(known + jax.random.uniform(key, known.shape))
    here = _restart(state.rival, state.history, state.seed, num_ops)
    return dataclasses.replace(
        here,
        score=state.rival_score,
        queue=queue[order],
        waiting=jnp.sum(~known, dtype=jnp.int32),
    )


def _choose(condition: Array, first: LocalState, second: LocalState) -> LocalState:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), first, second)


SPEC = StrategySpec(
    "local_search",
    "White et al. 2021",
    "best- or first-improvement over single layers, with restarts",
    "small spaces without noise",
    LocalSearchOptions,
    local_search,
    population=1,
    grows=True,
)
