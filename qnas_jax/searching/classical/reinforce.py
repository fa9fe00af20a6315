"""REINFORCE: a categorical policy over the ops of each layer, moved by its gradient.

With logits z, the policy pi(a) = prod_l softmax(z_l)[a_l], P archs a generation, their
scores r and their mean R, each generation makes one step of Adam on

    -1/P sum_i (r_i - B) log pi(a_i),      B = N / D,
    N <- m N + (1 - m) R,   D <- m D + (1 - m),

the bias-corrected moving average of the mean scores, updated before it is used.

Sources: Williams, Simple statistical gradient-following algorithms for connectionist
reinforcement learning, Machine Learning 8 (1992); Zoph & Le, Neural architecture search
with reinforcement learning, ICLR 2017; without their recurrent controller, as Dong &
Yang, NAS-Bench-201, ICLR 2020 (one arch a step, m = 0.9; the commands published with it
have a learning rate of 0.5, those of NATS-Bench 0.01).
Differs from NAS-Bench-201 in: P archs a step; logits start at zero instead of at 1e-3
times normal noise; a generation without a finite score changes nothing.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array

from qnas_jax.options import Options, option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.observation import observe, own_ops
from qnas_jax.searching.spec import StrategySpec


@dataclasses.dataclass(frozen=True)
class ReinforceOptions(Options):
    """How `reinforce` moves its policy."""

    learning_rate: float = option(0.1, "learning rate of Adam on the logits", above=0.0)
    baseline_momentum: float = option(
        0.9, "momentum m of the baseline", low=0.0, below=1.0
    )


@flax.struct.dataclass
class Policy:
    """The policy, its optimiser and its baseline."""

    logits: Array  # [L, K_max], those of ops that a layer lacks have no effect
    moments: optax.OptState
    numerator: Array  # [] float32, N
    denominator: Array  # [] float32, D in [0, 1)


class Reinforce(Strategy):
    """The policy and its gradient; its state is a `Policy`."""

    learning_rate: Number
    momentum: Number  # m
    rest: Number  # 1 - m

    def init(self, key: Array) -> Policy:
        """The uniform policy."""
        del key
        logits = jnp.zeros((self.num_layers, max(self.num_ops)))
        moments = self._optimizer().init(logits)
        return Policy(logits, moments, jnp.float32(0.0), jnp.float32(0.0))

    def _optimizer(self) -> optax.GradientTransformation:
        return optax.adam(jnp.asarray(self.learning_rate))

    def probabilities(self, state: Policy) -> Array:
        """Those of the policy, [L, K_max]."""
        own = own_ops(self.num_ops)
        return jax.nn.softmax(jnp.where(own, state.logits, -jnp.inf))

    def ask(self, key: Array, state: Policy) -> Array:
        """Draws archs int32 [P, L] from the policy."""
        table = self.probabilities(state)
        return observe(key, jnp.tile(table[None], (self.population, 1, 1)))

    def learn(self, state: Policy, archs: Array, scores: Array) -> Policy:
        """One step of Adam from archs [P, L] and scores [P]."""
        known = jnp.isfinite(scores)
        count = jnp.maximum(jnp.sum(known), 1)
        mean = jnp.sum(jnp.where(known, scores, 0.0)) / count
        numerator = state.numerator * self.momentum + mean * self.rest
        denominator = state.denominator * self.momentum + self.rest
        advantages = jnp.where(known, scores - numerator / denominator, 0.0) / count
        slope = policy_gradient(state.logits, archs, advantages, self.num_ops)
        updates, moments = self._optimizer().update(slope, state.moments)
        logits = jnp.asarray(optax.apply_updates(state.logits, updates))
        moved = Policy(logits, moments, numerator, denominator)
        return jax.tree.map(
            lambda new, old: jnp.where(jnp.any(known), new, old), moved, state
        )


def reinforce(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: ReinforceOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: nothing depends on it.
      options: learning rate and momentum.

    Returns:
      The strategy.
    """
    del generations
    momentum = options.baseline_momentum
    return Reinforce(
        num_ops,
        population,
        learning_rate=number(options.learning_rate),
        momentum=number(momentum),
        rest=number(1.0 - momentum),
    )


def policy_gradient(
    logits: Array, archs: Array, advantages: Array, num_ops: tuple[int, ...]
) -> Array:
    """The gradient of -sum_i advantage_i log pi(a_i) with respect to the logits.

    Args:
      logits: [L, K_max].
      archs: int32 [P, L].
      advantages: [P].
      num_ops: (K_1, ..., K_L).

    Returns:
      [L, K_max], zero for ops that a layer lacks.
    """
    own = own_ops(num_ops)

    def loss(logits: Array) -> Array:
        table = jax.nn.log_softmax(jnp.where(own, logits, -jnp.inf))
        chosen = table[jnp.arange(len(num_ops))[None], archs]
        return -jnp.sum(advantages * jnp.sum(chosen, axis=1))

    return jax.grad(loss)(logits)


SPEC = StrategySpec(
    "reinforce",
    "Williams 1992; Zoph & Le 2017",
    "policy gradient on the logits of each layer, moving-average baseline",
    "comparison with published tables; needs many evaluations",
    ReinforceOptions,
    reinforce,
    population=1,
)
