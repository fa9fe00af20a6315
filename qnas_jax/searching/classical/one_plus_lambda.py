"""(1 + lambda) evolution: one parent, P mutants of it, the best of all goes on.

Source: Rechenberg 1973; on discrete layers Muehlenbein, How genetic algorithms really
work, PPSN 1992: every layer gets another op with probability 1 / L. Of equal scores the
mutant wins, so that the search drifts over plateaus. Mutants of one generation are
drawn independently, so some may equal their parent.
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
from qnas_jax.searching.observation import observe, uniform_ops
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class OnePlusLambdaOptions(Options):
    """How far mutants are from their parent."""

    mutated_layers: float = option(
        1.0, "layers of a mutant that get another op, in the mean", above=0.0
    )


@flax.struct.dataclass
class Parent:
    """What mutates next."""

    arch: Array  # [L] int32, zeros while score is -inf
    score: Array  # [] float32, -inf until an arch was evaluated


class OnePlusLambda(Strategy):
    """Draws mutants of the best arch so far; uniform archs before there is one."""

    mutated_layers: Number

    def init(self, key: Array) -> Parent:
        """No parent yet."""
        del key
        return Parent(jnp.zeros(self.num_layers, jnp.int32), jnp.float32(-jnp.inf))

    def ask(self, key: Array, state: Parent) -> Array:
        """P mutants, int32 [P, L]."""
        table = self.probabilities(state)
        return observe(key, jnp.tile(table[None], (self.population, 1, 1)))

    def learn(self, state: Parent, archs: Array, scores: Array) -> Parent:
        """The best of archs [P, L] by scores [P] is the parent unless it is worse."""
        best = jnp.argmax(scores)
        takes = (scores[best] >= state.score) & jnp.isfinite(scores[best])
        return Parent(
            jnp.where(takes, archs[best], state.arch),
            jnp.where(takes, scores[best], state.score),
        )

    def probabilities(self, state: Parent) -> Array:
        """The parent's ops, but for the chance of another one, [L, K_max]."""
        uniform = jnp.asarray(uniform_ops(self.num_ops))
        own = jax.nn.one_hot(state.arch, uniform.shape[1])
        open_layers = np.asarray(self.num_ops) > 1
        chance = jnp.minimum(self.mutated_layers / max(open_layers.sum(), 1), 1.0)
        mutants = with_other_ops(own, chance * jnp.asarray(open_layers), self.num_ops)
        return jnp.where(jnp.isfinite(state.score), mutants, uniform)


def one_plus_lambda(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: OnePlusLambdaOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P, the lambda of its name.
      generations: nothing depends on it.
      options: how many layers mutate.

    Returns:
      The strategy.
    """
    del generations
    return OnePlusLambda(num_ops, population, number(options.mutated_layers))


SPEC = StrategySpec(
    "one_plus_lambda",
    "Rechenberg 1973; Muehlenbein 1992",
    "mutants of the best arch so far, every layer with the same chance",
    "a plain evolutionary baseline without a population to tune",
    OnePlusLambdaOptions,
    one_plus_lambda,
    population=1,
)
