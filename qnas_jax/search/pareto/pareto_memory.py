"""Mutation around the front, at rates learnt from all evaluations: classical.

What `memory_registers` does around one guide, for several objectives. Each individual
has a guide g of its own, drawn from the archive (`archive.draw_members`), and a
direction w of its own, uniform on the simplex of the objectives:

    u_m ~ posterior of the field of objective m given all evaluations   (`field`)
    u = sum_m w_m u_m
    P(layer l leaves g_l for k) = flips exp(beta (u_l(k) - u_l(g_l))) / Z

Fields are learnt of normal scores of ranks, so units of objectives do not matter. The
fields of all objectives share one posterior covariance, which depends on what was
evaluated alone. An individual draws several times and takes the first arch that was not
evaluated yet. The first archs are uniformly random; there are no restarts, as guides
are all over the front.

Sources: see `memory_registers` and `archive`. The combination is our own.
"""

import dataclasses
import functools
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import option
from qnas_jax.search.base import Number, number
from qnas_jax.search.history import History, MemoryOptions, empty_history, record
from qnas_jax.search.observation import (
    observe,
    own_ops,
    probabilities_by_asking,
    uniform_ops,
)
from qnas_jax.search.pareto.archive import (
    GUIDED_BY,
    Archive,
    draw_members,
    empty_archive,
    insert,
)
from qnas_jax.search.pareto.strategy import ParetoStrategy
from qnas_jax.search.registers.field import (
    add_evaluations,
    field_mean,
    prior_root,
    root_of_evaluations,
    sample_fields,
)
from qnas_jax.search.registers.memory import ask_unknown, known_codes
from qnas_jax.search.registers.memory_registers import flip_probabilities
from qnas_jax.search.registers.ranks import (
    Ranks,
    no_ranks,
    normal_scores,
    rank_scores,
)
from qnas_jax.search.spec import StrategySpec

_PROBABILITY_ARCHS = 512
"""Archs drawn at least for an estimate of `probabilities`."""


@dataclasses.dataclass(frozen=True)
class ParetoMemoryOptions(MemoryOptions):
    """How `pareto_memory` learns and moves."""

    initial: int = option(20, "uniformly random evaluations before any guide", low=1)
    members: int = option(100, "archs of the front that may guide", low=1)
    guided_by: str = option(
        "crowding", "what wins a tournament of guides", choices=GUIDED_BY
    )
    flips: float = option(1.0, "layers that leave the guide, on average", above=0.0)
    field_strength: float = option(
        4.0, "how strongly rates of mutation follow the field", low=0.0
    )
    field_variance: float = option(
        0.3, "prior variance of an op's effect, in units of the scores' spread", above=0
    )
    field_noise: float = option(
        0.1, "variance of scores that layers alone do not explain", above=0.0
    )
    draws: int = option(
        32, "draws of an individual; the first new arch is taken", low=1
    )


@flax.struct.dataclass
class ParetoMemoryState:
    """Memory and front."""

    history: History  # its scores are those of the first objective
    values: Array  # [M, N] float32, all objectives of its rows
    ranks: Ranks  # leaves [M, N]
    field_root: Array  # [L, K_max, L K_max], root of the fields' posterior covariance
    archive: Archive


class _Recalled(NamedTuple):
    """What asking for a generation takes from the memory."""

    means: Array  # [M, L, K_max], of the fields given all evaluations
    codes: Array  # [N], of what was evaluated


class ParetoMemory(ParetoStrategy):
    """Mutation around the front at learnt rates; its state is a `ParetoMemoryState`.

    Its probabilities are estimated from at least 512 archs asked for with keys of their
    own.
    """

    flips: Number  # layers that leave a guide, on average
    strength: Number  # beta
    variance: Number  # v of the fields
    noise: Number  # r of the fields
    # Evaluations that are remembered, at least P.
    capacity: int = flax.struct.field(pytree_node=False)
    # Whether there are more evaluations than are remembered.
    forgets: bool = flax.struct.field(pytree_node=False)
    initial: int = flax.struct.field(pytree_node=False)
    members: int = flax.struct.field(pytree_node=False)
    guided_by: str = flax.struct.field(pytree_node=False)  # one of `GUIDED_BY`
    draws: int = flax.struct.field(pytree_node=False)  # of each individual

    def init(self, key: Array) -> ParetoMemoryState:
        """Nothing is known; nothing is random yet."""
        del key
        number, capacity = self.num_objectives, self.capacity
        ranks = no_ranks(capacity)
        return ParetoMemoryState(
            history=empty_history(capacity, self.num_layers),
            values=jnp.full((number, capacity), -jnp.inf, jnp.float32),
            ranks=jax.tree.map(lambda row: jnp.tile(row[None], (number, 1)), ranks),
            field_root=prior_root(
                self.num_layers, max(self.num_ops), variance=self.variance
            ),
            archive=empty_archive(self.members, self.num_layers, number),
        )

    def ask(self, key: Array, state: ParetoMemoryState) -> Array:
        """Mutates the front, or draws at random while there is none."""
        return self._ask(key, state, self._recall(state))

    def _ask(self, key: Array, state: ParetoMemoryState, recalled: _Recalled) -> Array:
        guided = state.archive.filled.any() & (state.history.count >= self.initial)
        table_key, observe_key = jax.random.split(key)
        uniform = jnp.asarray(uniform_ops(self.num_ops))[None]
        tables = jnp.where(guided, self._tables(table_key, state, recalled), uniform)
        look = functools.partial(observe, probabilities=tables)
        return ask_unknown(
            look, observe_key, recalled.codes, draws=self.draws, num_ops=self.num_ops
        )

    def _tables(
        self, key: Array, state: ParetoMemoryState, recalled: _Recalled
    ) -> Array:
        """What each individual draws from, [P, L, K_max]."""
        guide_key, direction_key, field_key = jax.random.split(key, 3)
        places = draw_members(
            guide_key, state.archive, self.population, by=self.guided_by
        )
        directions = jax.random.dirichlet(
            direction_key, jnp.ones(self.num_objectives), (self.population,)
        )
        field_keys = jax.random.split(field_key, self.num_objectives)
        fields = jax.vmap(sample_fields, in_axes=(0, 0, None, None))(
            field_keys, recalled.means, state.field_root, self.population
        )
        fields = jnp.einsum("pm,mplk->plk", directions, fields)
        prepare = functools.partial(
            flip_probabilities,
            own=own_ops(self.num_ops),
            flips=self.flips,
            strength=self.strength,
        )
        return jax.vmap(prepare)(fields, state.archive.archs[places])

    def _recall(self, state: ParetoMemoryState) -> _Recalled:
        """Reads the memory, which takes longer the longer it is."""

        def mean(ranks: Ranks, values: Array) -> Array:
            history = dataclasses.replace(state.history, scores=values)
            targets = normal_scores(ranks, history)
            return field_mean(
                state.field_root, history.archs, targets, noise=self.noise
            )

        return _Recalled(
            jax.vmap(mean)(state.ranks, state.values),
            known_codes(state.history, self.num_ops),
        )

    def learn(
        self, state: ParetoMemoryState, archs: Array, scores: Array
    ) -> ParetoMemoryState:
        """Remembers a generation, and learns fields and front from it."""

        def remember(ranks: Ranks, values: Array, new: Array) -> tuple[Ranks, Array]:
            history = dataclasses.replace(state.history, scores=values)
            after = record(history, archs, new)
            return rank_scores(ranks, history, new), after.scores

        ranks, values = jax.vmap(remember, in_axes=(0, 0, 1))(
            state.ranks, state.values, scores
        )
        history = record(state.history, archs, scores[:, 0])
        return ParetoMemoryState(
            history=history,
            values=values,
            ranks=ranks,
            field_root=self._learn_root(state.field_root, history, archs, scores[:, 0]),
            archive=insert(state.archive, archs, scores),
        )

    def _learn_root(
        self, root: Array, history: History, archs: Array, scores: Array
    ) -> Array:
        """The root given all rows of the history, the last of which are new."""
        if not self.forgets:
            known = jnp.isfinite(scores)
            return add_evaluations(root, archs, known, noise=self.noise)
        return root_of_evaluations(
            history.archs,
            jnp.isfinite(history.scores),
            max(self.num_ops),
            variance=self.variance,
            noise=self.noise,
        )

    def probabilities(self, state: ParetoMemoryState) -> Array:
        """An estimate."""
        ask = functools.partial(self._ask, recalled=self._recall(state))
        return probabilities_by_asking(
            ask, state, self.num_ops, self.population, least=_PROBABILITY_ARCHS
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
    return ParetoMemory(
        num_ops,
        population,
        num_objectives=num_objectives,
        flips=number(options.flips),
        strength=number(options.field_strength),
        variance=number(options.field_variance),
        noise=number(options.field_noise),
        capacity=capacity,
        forgets=capacity < generations * population,
        initial=options.initial,
        members=options.members,
        guided_by=options.guided_by,
        draws=options.draws,
    )


SPEC = StrategySpec(
    "pareto_memory",
    "ours",
    "Bayesian linear regressions, whose Thompson samples mutate archs of the front",
    "few evaluations, none of them twice; small and large spaces",
    ParetoMemoryOptions,
    pareto_memory,
)
