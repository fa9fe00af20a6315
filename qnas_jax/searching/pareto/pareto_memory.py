"""The neighbourhood of the front, chosen by a Gaussian process: classical.

All evaluations train one process with an exponential kernel of the Hamming distance
(`models.hamming_process`), whose covariance the objectives share. They are learnt as
normal scores of their ranks, so units do not matter, and archs that learn nothing do
not take up the scale. Each generation draws a pool of archs around the front: members
of the archive (`archive.draw_members`), some crossed, then mutated. What was evaluated
is left out. Of the pool a generation is chosen by expected gains of hypervolume
(`expected_volume`), the front and a reference behind it on the same scale of ranks.

Costs that are known of every arch (`known_costs`) are not learnt. They are on their own
scale, with hardly any deviation, the reference lies behind the most costly arch of the
space, and the process has the score to itself.

The first archs have each op of a layer equally often. There are no restarts, as guides
are all over the front.

Sources: see `hamming_process`, `expected_volume` and `archive`; pools around what is
good: White, Neiswanger & Savani, AAAI 2021 (BANANAS). The combination is our own.
"""

import dataclasses
import functools

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import Number, number
from qnas_jax.searching.classical.genetic_algorithm import cross, mutate_layers
from qnas_jax.searching.history import (
    History,
    MemoryOptions,
    empty_history,
    record,
    scored,
)
from qnas_jax.searching.models.hamming_process import (
    add_rows,
    correlations,
    posterior,
    root_of_rows,
)
from qnas_jax.searching.observation import (
    balanced_archs,
    probabilities_by_asking,
    random_archs,
)
from qnas_jax.searching.pareto.archive import (
    GUIDED_BY,
    Archive,
    draw_members,
    empty_archive,
    insert,
)
from qnas_jax.searching.pareto.expected_volume import choose_batch
from qnas_jax.searching.pareto.known_costs import KnownCosts
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
_MOST_REMEMBERED = 2000
"""Evaluations that are remembered unless a number is given: the covariance of all."""
_CERTAIN = 1e-6
"""Deviation of what is known, in ranges of it."""
_BEHIND = 0.1
"""How far the reference lies behind the most costly arch, in ranges of the cost."""
_SPARE_DRAWS = 32
"""Random archs drawn until one is new, where the pool has nothing new left."""


@dataclasses.dataclass(frozen=True)
class ParetoMemoryOptions(MemoryOptions):
    """How `pareto_memory` learns and moves."""

    memory: int = option(
        0,
        "evaluations that are remembered; 0: generations x population, at most 2,000",
        low=0,
    )
    initial: int = option(20, "evaluations before any guide", low=1)
    members: int = option(100, "archs of the front that may guide", low=1)
    guided_by: str = option(
        "crowding", "what wins a tournament of guides", choices=GUIDED_BY
    )
    pool: int = option(300, "archs that a generation is chosen from", low=1)
    flips: float = option(1.5, "layers of an arch that mutate, on average", above=0.0)
    crossover: float = option(
        0.25, "share of the pool with two parents", low=0.0, high=1.0
    )
    strangers: float = option(
        0.1, "share of the pool that is uniformly random", low=0.0, high=1.0
    )
    margin: float = option(
        0.5, "how far the reference lies behind the front, in ranges of it", above=0.0
    )
    similarity: float = option(
        0.5, "correlation of archs that differ in one layer", above=0.0, below=1.0
    )
    known_similarity: float = option(
        0.7, "the same where costs are known and not learnt", above=0.0, below=1.0
    )
    noise: float = option(
        0.02, "variance of scores that similarity does not explain", above=0.0
    )

    def capacity(self, population: int, generations: int) -> int:
        """Rows of the history."""
        rows = super().capacity(population, generations)
        return rows if self.memory else max(min(rows, _MOST_REMEMBERED), population)


@flax.struct.dataclass
class ParetoMemoryState:
    """Memory and front."""

    history: History  # its scores are those of the first objective
    values: Array  # [M, N] float32, all objectives of its rows
    root: Array  # [N, N], R of `hamming_process`
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
    similarity: Number  # rho where costs are learnt
    known_similarity: Number  # rho where they are known
    noise: Number
    # Evaluations that are remembered, at least P.
    capacity: int = flax.struct.field(pytree_node=False)
    # Whether there are more evaluations than are remembered.
    forgets: bool = flax.struct.field(pytree_node=False)
    initial: int = flax.struct.field(pytree_node=False)
    members: int = flax.struct.field(pytree_node=False)
    guided_by: str = flax.struct.field(pytree_node=False)  # one of `GUIDED_BY`
    pool: int = flax.struct.field(pytree_node=False)  # C
    costs: KnownCosts | None = None

    def knowing(self, costs: KnownCosts) -> "ParetoMemory":
        """The strategy that learns the score alone and looks up what archs cost."""
        return dataclasses.replace(self, costs=costs)

    def init(self, key: Array) -> ParetoMemoryState:
        """Nothing is known; nothing is random yet."""
        del key
        shape = self.num_objectives, self.capacity
        return ParetoMemoryState(
            history=empty_history(self.capacity, self.num_layers),
            values=jnp.full(shape, -jnp.inf, jnp.float32),
            root=jnp.eye(self.capacity),
            archive=empty_archive(self.members, self.num_layers, self.num_objectives),
        )

    def ask(self, key: Array, state: ParetoMemoryState) -> Array:
        """The most promising archs around the front, or such that cover ops: [P, L]."""
        guided = state.archive.filled.any() & (state.history.count >= self.initial)
        return jax.lax.cond(guided, self._guided, self._unguided, key, state)

    def _unguided(self, key: Array, state: ParetoMemoryState) -> Array:
        del state
        return balanced_archs(key, self.population, self.num_ops)

    def _guided(self, key: Array, state: ParetoMemoryState) -> Array:
        pool_key, spare_key = jax.random.split(key)
        pool = self._pool(pool_key, state.archive)
        known = known_codes(state.history, self.num_ops)
        codes = arch_codes(pool, self.num_ops)
        means, deviations = self._predict(state, pool)
        front, reference = self._front(state)
        places, found = choose_batch(
            means,
            deviations,
            front,
            reference,
            allowed=first_of_each(codes) & ~are_known(codes, known),
            count=self.population,
        )
        spare = ask_unknown(
            lambda key: self._strangers(key, self.population),
            spare_key,
            known,
            draws=_SPARE_DRAWS,
            num_ops=self.num_ops,
        )
        return jnp.where(found[:, None], pool[places], spare)

    def _strangers(self, key: Array, count: int) -> Array:
        """Uniformly random archs, int32 [count, L]."""
        return random_archs(jax.random.split(key, count), self.num_ops)

    def _pool(self, key: Array, archive: Archive) -> Array:
        """Members of the front, some of them crossed, mutated: int32 [C, L]."""
        parents_key, stranger_key, *keys = jax.random.split(key, 4)
        parents = draw_members(parents_key, archive, 2 * self.pool, by=self.guided_by)
        first, second = archive.archs[parents].reshape(2, self.pool, -1)
        cross_keys, mutation_keys = (jax.random.split(each, self.pool) for each in keys)
        mated = functools.partial(cross, rate=self.crossover)
        children = jax.vmap(mated)(cross_keys, first, second)
        mutated = functools.partial(
            mutate_layers, chance=jnp.asarray(self.chance), num_ops=self.num_ops
        )
        children = jax.vmap(mutated)(mutation_keys, children)
        strange_key, which_key = jax.random.split(stranger_key)
        strange = self._strangers(strange_key, self.pool)
        replaced = jax.random.bernoulli(which_key, self.strangers, (self.pool, 1))
        return jnp.where(replaced, strange, children)

    def _predict(self, state: ParetoMemoryState, archs: Array) -> tuple[Array, Array]:
        """Means and deviations [C, M], on the scale of ranks."""
        if self.costs is None:
            return self._learnt(state, archs, state.values)
        mean, deviation = self._learnt(state, archs, state.values[:1])
        known = self.costs.cheapness(self.costs.cost(archs))
        means = jnp.concatenate([mean, known], axis=1)
        return means, jnp.full_like(means, _CERTAIN).at[:, :1].set(deviation)

    def _learnt(
        self, state: ParetoMemoryState, archs: Array, values: Array
    ) -> tuple[Array, Array]:
        """Means and deviations [C, T] of objectives whose rows are values [T, N]."""
        known = scored(state.history)
        between = self._correlations(archs, state.history.archs)
        between = jnp.where(known[None], between, 0.0)
        targets = jax.vmap(normal_scores_among)(values, values)
        targets = jnp.where(known[None], targets, 0.0)
        means, deviations = posterior(state.root, between, targets)
        return means, jnp.broadcast_to(deviations[:, None], means.shape)

    def _correlations(self, archs: Array, others: Array) -> Array:
        rho = self.similarity if self.costs is None else self.known_similarity
        return correlations(archs, others, max(self.num_ops), rho)

    def _front(self, state: ParetoMemoryState) -> tuple[Array, Array]:
        """The front [A, M] on the scale of predictions, a reference [M] behind it."""
        archive = state.archive
        among = jax.vmap(normal_scores_among, in_axes=(1, 0), out_axes=1)
        filled = archive.filled[:, None]
        ranked = among(archive.objectives, state.values)
        front = jnp.where(filled, ranked, -jnp.inf)
        worst = jnp.min(jnp.where(filled, front, jnp.inf), axis=0)
        reference = worst - self.margin * (jnp.max(front, axis=0) - worst)
        if self.costs is None:
            return front, reference
        known = self.costs.cheapness(-archive.objectives[:, 1:])
        known = jnp.where(filled, known, -jnp.inf)
        front = jnp.concatenate([front[:, :1], known], axis=1)
        return front, reference.at[1:].set(-_BEHIND)

    def learn(
        self, state: ParetoMemoryState, archs: Array, scores: Array
    ) -> ParetoMemoryState:
        """Remembers archs [P, L] and objectives [P, M]; covariance and front follow."""

        def remember(values: Array, new: Array) -> Array:
            history = dataclasses.replace(state.history, scores=values)
            return record(history, archs, new).scores

        history = record(state.history, archs, scores[:, 0])
        return ParetoMemoryState(
            history=history,
            values=jax.vmap(remember, in_axes=(0, 1))(state.values, scores),
            root=self._learn_root(state, history, archs, scores[:, 0]),
            archive=insert(state.archive, archs, scores),
        )

    def _learn_root(
        self, state: ParetoMemoryState, history: History, archs: Array, scores: Array
    ) -> Array:
        """The root given all rows of the history, the last of which are new."""
        if self.forgets:
            within = self._correlations(history.archs, history.archs)
            return root_of_rows(within, scored(history), noise=self.noise)
        before = scored(state.history)[None]
        between = self._correlations(archs, state.history.archs)
        return add_rows(
            state.root,
            jnp.where(before, between, 0.0),
            self._correlations(archs, archs),
            jnp.isfinite(scores),
            (state.history.count + jnp.arange(self.population)) % self.capacity,
            noise=self.noise,
        )

    def probabilities(self, state: ParetoMemoryState) -> Array:
        """An estimate [L, K_max] from archs that are asked for."""
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
        similarity=number(options.similarity),
        known_similarity=number(options.known_similarity),
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
