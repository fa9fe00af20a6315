"""Simulated annealing: chains that accept a worse arch the less, the colder it is.

Each of P chains proposes its arch with another op in one layer. With d the change of
the score, s the mean size of the changes proposed so far, and G generations g, a
proposal is accepted with the probability

    min(1, exp(d / (T_g s))),     T_g = T_0 (T_1 / T_0)^(g / (G - 1)).

The unit s makes temperatures mean the same for accuracies in [0, 1] and for any other
scale of scores.

Source: Kirkpatrick, Gelatt & Vecchi, Optimization by simulated annealing, Science 220
(1983); acceptance: Metropolis et al., J. Chemical Physics 21 (1953).
Differs from the papers in: P independent chains in one population; temperatures in
units of s; a chain whose first arch failed starts anew; a failed proposal is never
accepted.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.mutation import mutate, mutated_probabilities
from qnas_jax.searching.observation import random_archs, uniform_ops
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class AnnealingOptions(Options):
    """Temperatures of `simulated_annealing`, in units of the mean change of a score."""

    first_temperature: float = option(
        1.0, "temperature of the first generation", above=0.0
    )
    last_temperature: float = option(
        0.02, "temperature of the last generation", above=0.0
    )


@flax.struct.dataclass
class Chains:
    """Where the chains stand."""

    archs: Array  # [P, L] int32
    scores: Array  # [P] float32, -inf before a chain has started
    changes: Array  # [] float32, sum of the sizes of all proposed changes
    proposals: Array  # [] int32, their number
    generation: Array  # [] int32
    seed: Array  # [] uint32, of the acceptance


class SimulatedAnnealing(Strategy):
    """P chains that cool; its state is `Chains`."""

    generations: int = flax.struct.field(pytree_node=False)  # G, over which it cools
    first: Number  # T_0
    ratio: Number  # T_1 / T_0

    def init(self, key: Array) -> Chains:
        """No chain has started."""
        return Chains(
            archs=jnp.zeros((self.population, self.num_layers), jnp.int32),
            scores=jnp.full(self.population, -jnp.inf, jnp.float32),
            changes=jnp.float32(0.0),
            proposals=jnp.int32(0),
            generation=jnp.int32(0),
            seed=jax.random.bits(key),
        )

    def ask(self, key: Array, state: Chains) -> Array:
        """Each chain's arch with another op in one layer, int32 [P, L]."""
        keys = jax.random.split(key, self.population)
        moved = jax.vmap(lambda key, arch: mutate(key, arch, self.num_ops))(
            keys, state.archs
        )
        strangers = random_archs(keys, self.num_ops)
        return jnp.where(jnp.isfinite(state.scores)[:, None], moved, strangers)

    def learn(self, state: Chains, archs: Array, scores: Array) -> Chains:
        """Accepts archs [P, L] by their scores [P], by the Metropolis rule."""
        started = jnp.isfinite(state.scores)
        proposed = started & jnp.isfinite(scores)
        change = jnp.where(proposed, scores - state.scores, 0.0)
        changes = state.changes + jnp.sum(jnp.abs(change))
        proposals = state.proposals + jnp.sum(proposed, dtype=jnp.int32)
        unit = changes / jnp.maximum(proposals, 1)
        warmth = unit * temperature(
            state.generation, self.generations, first=self.first, ratio=self.ratio
        )
        key = jax.random.fold_in(jax.random.key(state.seed), state.generation)
        chance = acceptance(change, warmth)
        lucky = jax.random.uniform(key, chance.shape) < chance
        accepted = jnp.isfinite(scores) & (lucky | ~started)
        return Chains(
            archs=jnp.where(accepted[:, None], archs, state.archs),
            scores=jnp.where(accepted, scores, state.scores),
            changes=changes,
            proposals=proposals,
            generation=state.generation + 1,
            seed=state.seed,
        )

    def probabilities(self, state: Chains) -> Array:
        """Of mutants of the chains' archs, [L, K_max]."""
        uniform = uniform_ops(self.num_ops)
        standing = jax.nn.one_hot(state.archs, uniform.shape[1])
        moved = jax.vmap(lambda table: mutated_probabilities(table, self.num_ops))(
            standing
        )
        started = jnp.isfinite(state.scores)[:, None, None]
        return jnp.where(started, moved, jnp.asarray(uniform)[None]).mean(axis=0)


def simulated_annealing(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: AnnealingOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, the number of chains.
      generations: G, over which it cools; afterwards it stays at the last temperature.
      options: the temperatures.

    Returns:
      The strategy.
    """
    first = options.first_temperature
    ratio = number(options.last_temperature / first)
    return SimulatedAnnealing(num_ops, population, generations, number(first), ratio)


def temperature(
    generation: Array | int, generations: int, *, first: Number, ratio: Number
) -> Array:
    """The geometric schedule.

    Args:
      generation: [] g, 0 for the first.
      generations: G.
      first: [] T_0.
      ratio: [] T_1 / T_0.

    Returns:
      T_g []; T_1 from generation G - 1 on.
    """
    share = jnp.minimum(generation / max(generations - 1, 1), 1.0)
    return jnp.asarray(first * ratio**share)


def acceptance(change: Array, warmth: Array) -> Array:
    """The Metropolis probability.

    Args:
      change: d, of the score, of any shape.
      warmth: T s [], in units of the score; 0 accepts what is not worse.

    Returns:
      In [0, 1], of the shape of `change`.
    """
    tiny = jnp.finfo(jnp.float32).tiny
    return jnp.exp(jnp.minimum(change, 0.0) / jnp.maximum(warmth, tiny))


SPEC = StrategySpec(
    "simulated_annealing",
    "Kirkpatrick et al. 1983",
    "chains over single layers, worse archs accepted less and less",
    "cheap evaluations and a known budget",
    AnnealingOptions,
    simulated_annealing,
    population=1,
)
