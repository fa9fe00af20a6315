"""The genetic algorithm: tournaments, uniform crossover, mutation, elitism.

A generation makes P children of the P survivors before it. Each child has two parents,
each the best of S survivors drawn at random; with the probability c it takes each layer
from either of them at random, else all from the first. Then each layer gets another op
with the probability m / L. The survivors are the best P among the children and the E
best survivors before them.

Sources: Holland, Adaptation in Natural and Artificial Systems (1975); Goldberg & Deb,
FOGA 1 (1991), tournaments; Syswerda, ICGA 3 (1989), uniform crossover; De Jong's thesis
(1975), elitism.
Differs from the sources in: elites compete with the children for the P places instead
of having their own, so a population of one is a (1 + 1) evolution strategy.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.mutation import with_other_ops
from qnas_jax.searching.observation import random_archs, uniform_ops
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class GeneticOptions(Options):
    """How `genetic_algorithm` makes children."""

    crossover: float = option(
        0.9, "share of the children with two parents", low=0.0, high=1.0
    )
    mutated_layers: float = option(
        1.0, "layers of a child that mutate, on average", low=0.0
    )
    elites: int = option(5, "survivors that compete with the children", low=0)
    tournament: int = option(
        5, "archs drawn, of which the best becomes a parent", low=1
    )


@flax.struct.dataclass
class Survivors:
    """The parents of the next generation, best first."""

    archs: Array  # [P, L] int32
    scores: Array  # [P] float32, -inf for places that are not taken


class GeneticAlgorithm(Strategy):
    """Children of the survivors; its state is `Survivors`."""

    tournament: int = flax.struct.field(pytree_node=False)  # S
    elites: int = flax.struct.field(pytree_node=False)  # E, at most P
    crossover: Number  # c
    chance: Number  # [L], of each layer to mutate

    def init(self, key: Array) -> Survivors:
        """Nobody survived yet."""
        del key
        return Survivors(
            archs=jnp.zeros((self.population, self.num_layers), jnp.int32),
            scores=jnp.full(self.population, -jnp.inf, jnp.float32),
        )

    def ask(self, key: Array, state: Survivors) -> Array:
        """One child for each place, int32 [P, L]."""
        keys = jax.random.split(key, self.population)
        children = jax.vmap(self._child, in_axes=(0, None))(keys, state)
        strangers = random_archs(keys, self.num_ops)
        return jnp.where(jnp.isfinite(state.scores[0]), children, strangers)

    def _child(self, key: Array, state: Survivors) -> Array:
        tournament_key, gene_key, mutation_key = jax.random.split(key, 3)
        alive = jnp.maximum(jnp.sum(jnp.isfinite(state.scores)), 1)
        # The best of S uniform draws has the lowest of S uniform places.
        draws = jax.random.randint(tournament_key, (2, self.tournament), 0, alive)
        first, second = state.archs[jnp.min(draws, axis=1)]
        arch = cross(gene_key, first, second, rate=self.crossover)
        return mutate_layers(mutation_key, arch, jnp.asarray(self.chance), self.num_ops)

    def learn(self, state: Survivors, archs: Array, scores: Array) -> Survivors:
        """The best of the children, archs [P, L] and scores [P], and the elites."""
        archs = jnp.concatenate([archs, state.archs[: self.elites]])
        scores = jnp.concatenate([scores, state.scores[: self.elites]])
        best = jnp.argsort(-scores)[: self.population]
        return Survivors(archs=archs[best], scores=scores[best])

    def probabilities(self, state: Survivors) -> Array:
        """Chances to win a tournament, and what mutation does to them, [L, K_max]."""
        uniform = uniform_ops(self.num_ops)
        shares = tournament_shares(jnp.isfinite(state.scores), self.tournament)
        standing = jax.nn.one_hot(state.archs, uniform.shape[1])
        of_parent = jnp.sum(shares[:, None, None] * standing, axis=0)
        of_child = with_other_ops(of_parent, jnp.asarray(self.chance), self.num_ops)
        started = jnp.isfinite(state.scores[0])
        return jnp.where(started, of_child, jnp.asarray(uniform))


def genetic_algorithm(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: GeneticOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: nothing depends on it.
      options: crossover, mutation, tournaments, elites (of which at most P count).

    Returns:
      The strategy.
    """
    del generations
    rate = min(options.mutated_layers / max(len(num_ops), 1), 1.0)
    return GeneticAlgorithm(
        num_ops,
        population,
        tournament=options.tournament,
        elites=min(options.elites, population),
        crossover=number(options.crossover),
        chance=np.where(np.asarray(num_ops) > 1, rate, 0.0).astype(np.float32),
    )


def cross(key: Array, first: Array, second: Array, *, rate: Number | float) -> Array:
    """Uniform crossover.

    Args:
      key: consumed.
      first: int32 [L].
      second: int32 [L].
      rate: [] chance that there is a crossover at all.

    Returns:
      int32 [L]: each layer from either, or `first`.
    """
    whether_key, which_key = jax.random.split(key)
    crossed = jax.random.bernoulli(whether_key, rate)
    other = jax.random.bernoulli(which_key, shape=first.shape)
    return jnp.where(crossed & other, second, first)


def mutate_layers(
    key: Array, arch: Array, chance: Array, num_ops: tuple[int, ...]
) -> Array:
    """Gives each layer another op with a probability of its own.

    Args:
      key: consumed.
      arch: int32 [L].
      chance: [L] in [0, 1]; 0 for layers of one op.
      num_ops: (K_1, ..., K_L).

    Returns:
      int32 [L].
    """
    whether_key, step_key = jax.random.split(key)
    counts = jnp.asarray(num_ops, jnp.int32)
    steps = jax.random.randint(step_key, arch.shape, 1, jnp.maximum(counts, 2))
    mutated = jax.random.bernoulli(whether_key, chance)
    return jnp.where(mutated, (arch + steps) % counts, arch)


def tournament_shares(alive: Array, tournament: int) -> Array:
    """The chance of each survivor, best first, to win a tournament.

    Args:
      alive: bool [P], the first n True.
      tournament: S.

    Returns:
      [P]; ((n - i) / n)^S - ((n - i - 1) / n)^S for the i-th of n, else 0.
    """
    number = jnp.maximum(jnp.sum(alive), 1)
    left = jnp.maximum(number - jnp.arange(len(alive) + 1), 0) / number
    return -jnp.diff(left**tournament)


SPEC = StrategySpec(
    "genetic_algorithm",
    "Holland 1975",
    "tournaments, uniform crossover, mutation, elitism",
    "large spaces whose good parts combine; whole populations at once",
    GeneticOptions,
    genetic_algorithm,
)
