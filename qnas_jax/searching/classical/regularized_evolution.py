"""Regularised evolution: the best of a random few gets a child, the oldest dies.

Source: Real, Aggarwal, Huang & Le, Regularized evolution for image classifier
architecture search, AAAI 2019, algorithm 1.
Differs from the paper in: P children a generation, all of the same parents (P = 1 is
the paper's); archs that failed to evaluate do not join the living.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import Options, option
from qnas_jax.searching.base import Strategy
from qnas_jax.searching.mutation import mutate, mutated_probabilities
from qnas_jax.searching.observation import random_archs, uniform_ops
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class EvolutionOptions(Options):
    """How many archs live, and how their children's parents are chosen."""

    parents: int = option(20, "living archs, at least the population", low=1)
    tournament: int = option(
        5, "archs drawn, of which the best becomes a parent", low=1
    )


@flax.struct.dataclass
class Living:
    """The youngest archs; row i was born as number i, i + N, i + 2 N, ..."""

    archs: Array  # [N, L] int32
    scores: Array  # [N] float32, -inf where none was born yet
    born: Array  # [] int32


class RegularizedEvolution(Strategy):
    """The tournament and who dies; its state is `Living`."""

    parents: int = flax.struct.field(pytree_node=False)  # N, at least P
    tournament: int = flax.struct.field(pytree_node=False)  # S

    def init(self, key: Array) -> Living:
        """Nobody was born yet; until N were, archs are uniform."""
        del key
        return Living(
            archs=jnp.zeros((self.parents, self.num_layers), jnp.int32),
            scores=jnp.full(self.parents, -jnp.inf, jnp.float32),
            born=jnp.int32(0),
        )

    def ask(self, key: Array, state: Living) -> Array:
        """Children of the living, int32 [P, L]."""
        keys = jax.random.split(key, self.population)
        ranked = state.archs[jnp.argsort(state.scores)]
        children = jax.vmap(self._child, in_axes=(0, None))(keys, ranked)
        strangers = random_archs(keys, self.num_ops)
        return jnp.where(state.born >= self.parents, children, strangers)

    def _child(self, key: Array, ranked: Array) -> Array:
        parent_key, mutate_key = jax.random.split(key)
        # The best of S uniform draws has the highest of S uniform ranks.
        draws = jax.random.randint(parent_key, (self.tournament,), 0, self.parents)
        return mutate(mutate_key, ranked[jnp.max(draws)], self.num_ops)

    def learn(self, state: Living, archs: Array, scores: Array) -> Living:
        """Archs [P, L] with finite scores [P] join the living, the oldest give way."""
        alive = jnp.isfinite(scores)
        number = state.born + jnp.cumsum(alive) - 1
        rows = jnp.where(alive, number % self.parents, self.parents)
        return Living(
            archs=state.archs.at[rows].set(archs, mode="drop"),
            scores=state.scores.at[rows].set(scores, mode="drop"),
            born=state.born + jnp.sum(alive, dtype=jnp.int32),
        )

    def probabilities(self, state: Living) -> Array:
        """Chances to win a tournament, and what mutation does to them, [L, K_max]."""
        parents, uniform = self.parents, uniform_ops(self.num_ops)
        shares = np.diff((np.arange(parents + 1) / parents) ** self.tournament)
        ranked = jax.nn.one_hot(
            state.archs[jnp.argsort(state.scores)], uniform.shape[1]
        )
        weights = jnp.asarray(shares, jnp.float32)[:, None, None]
        of_parent = jnp.sum(weights * ranked, axis=0)
        of_child = mutated_probabilities(of_parent, self.num_ops)
        return jnp.where(state.born >= parents, of_child, jnp.asarray(uniform))


def regularized_evolution(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: EvolutionOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, children of one generation.
      generations: nothing depends on it.
      options: living archs and draws, with replacement, for each parent.

    Returns:
      The strategy.

    Raises:
      UserError: fewer parents than children.
    """
    del generations
    if options.parents < population:
        raise UserError(
            f"parents: got {options.parents}, expected at least the population, "
            f"{population}"
        )
    return RegularizedEvolution(
        num_ops, population, options.parents, options.tournament
    )


SPEC = StrategySpec(
    "regularized_evolution",
    "Real et al. 2019",
    "tournament among the youngest, one mutated layer, the oldest dies",
    "large spaces, many evaluations, parallel workers",
    EvolutionOptions,
    regularized_evolution,
    population=1,
)
