"""The neighbourhood of the front, chosen by a Gaussian process: classical.

All evaluations train Gaussian processes with an exponential kernel of the Hamming
distance, one for each of several similarities; each objective is predicted by the one
under which it is likeliest (`models.likeliest_process`). Objectives are learnt as
normal scores of their ranks, so units do not matter, and archs that learn nothing do
not take up the scale. Each generation draws a pool of archs around the front
(`front_pool`); what was evaluated is left out. Of the pool a generation is chosen by
expected gains of hypervolume (`expected_volume`), the front and a reference behind it
on the same scale of ranks.

The first archs have each op of a layer equally often. There are no restarts, as guides
are all over the front.

Sources: see `likeliest_process`, `expected_volume`, `front_pool` and `archive`. The
combination is our own.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.searching.base import Number, number
from qnas_jax.searching.history import (
    History,
    empty_history,
    record,
    scored,
)
from qnas_jax.searching.models import likeliest_process
from qnas_jax.searching.observation import (
    balanced_archs,
    probabilities_by_asking,
    random_archs,
)
from qnas_jax.searching.pareto.archive import (
    Archive,
    empty_archive,
    insert,
)
from qnas_jax.searching.pareto.expected_volume import choose_batch
from qnas_jax.searching.pareto.front_pool import draw_pool
from qnas_jax.searching.pareto.pareto_memory_options import ParetoMemoryOptions
from qnas_jax.searching.pareto.strategy import ParetoStrategy
from qnas_jax.searching.registers.memory import (
    arch_codes,
    are_known,
    ask_unknown,
    first_of_each,
    known_codes,
)
from qnas_jax.searching.registers.ranks import normal_scores_among
from qnas_jax.searching.spec import StrategySpec

_PROBABILITY_ARCHS = 512
"""Archs drawn at least for an estimate of `probabilities`."""
_SPARE_DRAWS = 32
"""Random archs drawn until one is new, where the pool has nothing new left."""


@flax.struct.dataclass
class ParetoMemoryState:
    """Memory and front."""

    history: History  # its scores are those of the first objective
    values: Array  # [M, N] float32, all objectives of its rows
    roots: Array  # [S, N, N], R of `hamming_process` for each similarity
    archive: Archive


class ParetoMemory(ParetoStrategy):
    """The neighbourhood of the front; its state is a `ParetoMemoryState`.

    Its probabilities are estimated from at least 512 archs asked for with keys of their
    own.
    """

    chance: Number  # [L], of each layer of an arch of the pool to mutate
    crossover: Number  # share of the pool with two parents
    strangers: Number  # share of the pool that is uniformly random
    margin: Number  # of the reference, in ranges of the front
    similarities: Number  # [S], rho
    noise: Number
    # Evaluations that are remembered, at least P.
    capacity: int = flax.struct.field(pytree_node=False)
    # Whether there are more evaluations than are remembered.
    forgets: bool = flax.struct.field(pytree_node=False)
    initial: int = flax.struct.field(pytree_node=False)
    members: int = flax.struct.field(pytree_node=False)
    guided_by: str = flax.struct.field(pytree_node=False)  # one of `GUIDED_BY`
    pool: int = flax.struct.field(pytree_node=False)  # C

    def init(self, key: Array) -> ParetoMemoryState:
        """Nothing is known; nothing is random yet."""
        del key
        shape = self.num_objectives, self.capacity
        return ParetoMemoryState(
            history=empty_history(self.capacity, self.num_layers),
            values=jnp.full(shape, -jnp.inf, jnp.float32),
            roots=likeliest_process.empty_roots(len(self.similarities), self.capacity),
            archive=empty_archive(self.members, self.num_layers, self.num_objectives),
        )

    def ask(self, key: Array, state: ParetoMemoryState) -> Array:
        """The most promising archs around the front, or such that cover the ops."""
        guided = state.archive.filled.any() & (state.history.count >= self.initial)
        return jax.lax.cond(guided, self._guided, self._unguided, key, state)

    def _unguided(self, key: Array, state: ParetoMemoryState) -> Array:
        del state
        return balanced_archs(key, self.population, self.num_ops)

    def _guided(self, key: Array, state: ParetoMemoryState) -> Array:
        pool_key, spare_key = jax.random.split(key)
        pool = draw_pool(
            pool_key,
            state.archive,
            self.num_ops,
            size=self.pool,
            crossover=self.crossover,
            chance=self.chance,
            strangers=self.strangers,
            guided_by=self.guided_by,
        )
        known = known_codes(state.history, self.num_ops)
        codes = arch_codes(pool, self.num_ops)
        means, deviations = self._predict(state, pool)
        front, reference = self._ranked_front(state)
        places, found = choose_batch(
            means,
            deviations,
            front,
            reference,
            allowed=first_of_each(codes) & ~are_known(codes, known),
            count=self.population,
        )
        spare = ask_unknown(
            lambda key: random_archs(
                jax.random.split(key, self.population), self.num_ops
            ),
            spare_key,
            known,
            draws=_SPARE_DRAWS,
            num_ops=self.num_ops,
        )
        return jnp.where(found[:, None], pool[places], spare)

    def _predict(self, state: ParetoMemoryState, archs: Array) -> tuple[Array, Array]:
        """Means and deviations [C, M], on the scale of ranks."""
        known = scored(state.history)
        targets = jax.vmap(normal_scores_among)(state.values, state.values)
        return likeliest_process.predict(
            state.roots,
            self.similarities,
            state.history.archs,
            known,
            jnp.where(known[None], targets, 0.0),
            archs,
            num_levels=max(self.num_ops),
        )

    def _ranked_front(self, state: ParetoMemoryState) -> tuple[Array, Array]:
        """The front [A, M] on the scale of ranks, and a reference [M] behind it."""
        archive = state.archive
        scores = jax.vmap(normal_scores_among, in_axes=(1, 0), out_axes=1)
        filled = archive.filled[:, None]
        front = jnp.where(filled, scores(archive.objectives, state.values), -jnp.inf)
        worst = jnp.min(jnp.where(filled, front, jnp.inf), axis=0)
        return front, worst - self.margin * (jnp.max(front, axis=0) - worst)

    def learn(
        self, state: ParetoMemoryState, archs: Array, scores: Array
    ) -> ParetoMemoryState:
        """Remembers a generation, and learns covariance and front from it."""

        def remember(values: Array, new: Array) -> Array:
            history = dataclasses.replace(state.history, scores=values)
            return record(history, archs, new).scores

        history = record(state.history, archs, scores[:, 0])
        return ParetoMemoryState(
            history=history,
            values=jax.vmap(remember, in_axes=(0, 1))(state.values, scores),
            roots=self._learn_roots(state, history, archs, scores[:, 0]),
            archive=insert(state.archive, archs, scores),
        )

    def _learn_roots(
        self, state: ParetoMemoryState, history: History, archs: Array, scores: Array
    ) -> Array:
        """The roots given all rows of the history, the last of which are new."""
        levels = max(self.num_ops)
        if self.forgets:
            return likeliest_process.roots_of_rows(
                history.archs,
                scored(history),
                self.similarities,
                num_levels=levels,
                noise=self.noise,
            )
        return likeliest_process.add_rows_to_all(
            state.roots,
            self.similarities,
            state.history.archs,
            scored(state.history),
            archs,
            jnp.isfinite(scores),
            (state.history.count + jnp.arange(self.population)) % self.capacity,
            num_levels=levels,
            noise=self.noise,
        )

    def probabilities(self, state: ParetoMemoryState) -> Array:
        """An estimate."""
        return probabilities_by_asking(
            self.ask, state, self.num_ops, self.population, least=_PROBABILITY_ARCHS
        )


def pareto_memory(
    num_ops: tuple[int, ...],
    *,
    num_objectives: int,
    population: int,
    generations: int,
    options: ParetoMemoryOptions,
) -> ParetoMemory:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      num_objectives: M.
      population: P.
      generations: G, with P the size of the memory where options.memory is 0.
      options: see `ParetoMemoryOptions`.

    Returns:
      The strategy.
    """
    capacity = options.capacity(population, generations)
    rate = min(options.flips / max(len(num_ops), 1), 1.0)
    return ParetoMemory(
        num_ops,
        population,
        num_objectives=num_objectives,
        chance=np.where(np.asarray(num_ops) > 1, rate, 0.0).astype(np.float32),
        crossover=number(options.crossover),
        strangers=number(options.strangers),
        margin=number(options.margin),
        similarities=np.asarray(options.similarities, np.float32),
        noise=number(options.noise),
        capacity=capacity,
        forgets=capacity < generations * population,
        initial=options.initial,
        members=options.members,
        guided_by=options.guided_by,
        pool=options.pool,
    )


SPEC = StrategySpec(
    "pareto_memory",
    "ours",
    "a Gaussian process chooses among mutants of the front by expected hypervolume",
    "few evaluations, none of them twice; small and large spaces",
    ParetoMemoryOptions,
    pareto_memory,
    grows=True,
)
