"""NSGA-II: fronts one behind the other, and on each the least crowded first.

A generation makes P children of the P survivors before it. Each child has two parents,
each the winner of a tournament: of S survivors drawn at random the one on the best
front, of one front the least crowded one. It takes layers from both with the
probability c (uniform crossover), and then gives each layer another op with the
probability m / L. Survivors are the best P of children and survivors in the same order.

Nothing is evaluated twice: each child is drawn several times, and the first one that
is new is proposed.

Source: Deb, Pratap, Agarwal & Meyarivan, IEEE Trans. Evol. Comput. 6 (2002); uniform
crossover: Syswerda, ICGA 3 (1989).
Differs from the paper in: operators for categorical genes; no repeats.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import Number, number
from qnas_jax.searching.classical.genetic_algorithm import (
    cross,
    mutate_layers,
    tournament_shares,
)
from qnas_jax.searching.history import History, MemoryOptions, empty_history, record
from qnas_jax.searching.mutation import with_other_ops
from qnas_jax.searching.observation import random_archs, uniform_ops
from qnas_jax.searching.pareto.dominance import (
    crowding_distances,
    evaluated,
    front_ranks,
)
from qnas_jax.searching.pareto.strategy import ParetoStrategy
from qnas_jax.searching.registers.memory import ask_unknown, known_codes
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class NSGA2Options(MemoryOptions):
    """How `nsga2` makes children."""

    crossover: float = option(
        0.9, "share of the children with two parents", low=0.0, high=1.0
    )
    mutated_layers: float = option(
        1.0, "layers of a child that mutate, on average", low=0.0
    )
    tournament: int = option(
        2, "archs drawn, of which the best becomes a parent", low=1
    )
    draws: int = option(8, "draws of a child; the first new arch is taken", low=1)


@flax.struct.dataclass
class NSGA2State:
    """The parents of the next generation, best first, and what was evaluated."""

    archs: Array  # [P, L] int32
    objectives: Array  # [P, M] float32, -inf for places that are not taken
    history: History


class NSGA2(ParetoStrategy):
    """Children of the survivors; its state is an `NSGA2State`.

    Its probabilities are those of one draw, before what is known is left out.
    """

    tournament: int = flax.struct.field(pytree_node=False)  # S
    capacity: int = flax.struct.field(pytree_node=False)  # remembered evaluations
    draws: int = flax.struct.field(pytree_node=False)  # of each child
    crossover: Number  # c
    chance: Number  # [L], of each layer to mutate

    def init(self, key: Array) -> NSGA2State:
        """Nobody survived yet."""
        del key
        shape = self.population, self.num_objectives
        return NSGA2State(
            archs=jnp.zeros((self.population, self.num_layers), jnp.int32),
            objectives=jnp.full(shape, -jnp.inf, jnp.float32),
            history=empty_history(self.capacity, self.num_layers),
        )

    def ask(self, key: Array, state: NSGA2State) -> Array:
        """One child for each place, int32 [P, L]."""
        return ask_unknown(
            lambda key: self._children(key, state),
            key,
            known_codes(state.history, self.num_ops),
            draws=self.draws,
            num_ops=self.num_ops,
        )

    def _children(self, key: Array, state: NSGA2State) -> Array:
        keys = jax.random.split(key, self.population)
        children = jax.vmap(self._child, in_axes=(0, None))(keys, state)
        strangers = random_archs(keys, self.num_ops)
        return jnp.where(evaluated(state.objectives)[0], children, strangers)

    def _child(self, key: Array, state: NSGA2State) -> Array:
        tournament_key, gene_key, mutation_key = jax.random.split(key, 3)
        alive = jnp.maximum(jnp.sum(evaluated(state.objectives)), 1)
        # The best of S uniform draws has the lowest of S uniform places.
        draws = jax.random.randint(tournament_key, (2, self.tournament), 0, alive)
        first, second = state.archs[jnp.min(draws, axis=1)]
        arch = cross(gene_key, first, second, rate=self.crossover)
        return mutate_layers(mutation_key, arch, jnp.asarray(self.chance), self.num_ops)

    def learn(self, state: NSGA2State, archs: Array, scores: Array) -> NSGA2State:
        """The best of children [P, L], objectives [P, M], and survivors, by fronts."""
        history = record(state.history, archs, scores[:, 0])
        archs = jnp.concatenate([state.archs, archs])
        objectives = jnp.concatenate([state.objectives, scores])
        best = crowded_order(objectives)[: self.population]
        return NSGA2State(archs[best], objectives[best], history)

    def probabilities(self, state: NSGA2State) -> Array:
        """Chances to win a tournament, and what mutation does to them, [L, K_max]."""
        uniform = uniform_ops(self.num_ops)
        alive = evaluated(state.objectives)
        shares = tournament_shares(alive, self.tournament)
        standing = jax.nn.one_hot(state.archs, uniform.shape[1])
        of_parent = jnp.sum(shares[:, None, None] * standing, axis=0)
        of_child = with_other_ops(of_parent, jnp.asarray(self.chance), self.num_ops)
        return jnp.where(alive[0], of_child, jnp.asarray(uniform))


def crowded_order(objectives: Array) -> Array:
    """Places of points, best first: by front, then the least crowded.

    Args:
      objectives: [N, M], maximised.

    Returns:
      int [N]; failed points are last, of equals the earlier comes first.
    """
    ranks = front_ranks(objectives)
    return jnp.lexsort((-crowding_distances(objectives, ranks), ranks))


def nsga2(
    num_ops: tuple[int, ...],
    *,
    num_objectives: int,
    population: int,
    generations: int,
    options: NSGA2Options,
) -> NSGA2:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      num_objectives: M.
      population: P.
      generations: G, with P the size of the memory where options.memory is 0.
      options: crossover, mutation, tournaments, draws.

    Returns:
      The strategy.
    """
    rate = min(options.mutated_layers / max(len(num_ops), 1), 1.0)
    return NSGA2(
        num_ops,
        population,
        num_objectives=num_objectives,
        tournament=options.tournament,
        capacity=options.capacity(population, generations),
        draws=options.draws,
        crossover=number(options.crossover),
        chance=np.where(np.asarray(num_ops) > 1, rate, 0.0).astype(np.float32),
    )


SPEC = StrategySpec(
    "nsga2",
    "Deb et al. 2002",
    "non-dominated sorting, crowding, tournaments, uniform crossover, mutation",
    "the classic for several objectives; large populations",
    NSGA2Options,
    nsga2,
)
