"""Variations of the strategies that rotate registers: options, and where they act.

    adaptive angle   within the rotation itself                      (`angles`)
    X gates          on the registers, after they were rotated       (`x_gate`)
    catastrophe      after that: all registers start anew            (`catastrophe`)
    memory           on what is observed                             (`memory`)

Each is off by default, and then the strategy is the plain one, bit for bit.
"""

import abc
import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.history import MemoryOptions
from qnas_jax.searching.registers.angles import (
    ANGLE_RULES,
    AdaptiveAngle,
    adaptive_angle,
)
from qnas_jax.searching.registers.catastrophe import (
    KEPT,
    Progress,
    follow,
    no_progress,
    surviving,
)
from qnas_jax.searching.registers.memory import with_memory


@dataclasses.dataclass(frozen=True)
class VariationOptions(MemoryOptions):
    """What `qbit`, `qudit` and `entangled` do beyond the rule of 2002."""

    angle_rule: str = option(
        "constant", "how the rotation angle adapts", choices=ANGLE_RULES
    )
    least_angle: float = option(
        0.1, "least share of the angle that adaptive rules take", above=0.0, high=1.0
    )
    x_probability: float = option(
        0.0, "chance of an X gate, a Q-bit or register and generation", low=0.0, high=1
    )
    catastrophe_after: int = option(
        0, "generations without a better arch until registers restart; 0: never", low=0
    )
    catastrophe_keeps: str = option(
        "all", "guides that survive a catastrophe", choices=KEPT
    )
    observations: int = option(
        1,
        "times that registers are observed until an arch is new; 1: no memory",
        low=1,
    )

    def adaptive_angle(self, generations: int) -> AdaptiveAngle:
        """The rule for the angle, which falls over so many generations."""
        return adaptive_angle(self.angle_rule, self.least_angle, generations)


class RegisterStrategy(Strategy):
    """A strategy on registers, whose state has a field `guides`."""

    @abc.abstractmethod
    def mutate(self, key: Array, state: Any, probability: Number) -> Any:
        """Applies X gates at random, but not to the individual with the best guide.

        Args:
          key: consumed.
          state: of the population.
          probability: [] of a gate, for each Q-bit or K-level register.

        Returns:
          The state; its guides stay.
        """


@flax.struct.dataclass
class Varied:
    """Registers with what their variations have to keep."""

    registers: Any
    progress: Progress
    seed: Array  # [] uint32, of the X gates
    generation: Array  # [] int32


class WithAccidents(Strategy):
    """X gates and catastrophes; its state is `Varied`."""

    inner: RegisterStrategy
    x_probability: Number | None  # [] in [0, 1]; None: no X gates
    # Generations until a catastrophe; 0: never.
    patience: int = flax.struct.field(pytree_node=False)
    kept: str = flax.struct.field(pytree_node=False)  # guides that survive it

    def init(self, key: Array) -> Varied:
        """The registers' own."""
        registers_key, seed_key = jax.random.split(key)
        return Varied(
            registers=self.inner.init(registers_key),
            progress=no_progress(),
            seed=jax.random.bits(seed_key),
            generation=jnp.int32(0),
        )

    def ask(self, key: Array, state: Varied) -> Array:
        """Observes the registers, int32 [P, L]."""
        return self.inner.ask(key, state.registers)

    def learn(self, state: Varied, archs: Array, scores: Array) -> Varied:
        """Rotates the registers by archs [P, L], scores [P]; then accidents happen."""
        registers = self.inner.learn(state.registers, archs, scores)
        progress = state.progress
        if self.x_probability is not None:
            key = jax.random.fold_in(jax.random.key(state.seed), state.generation)
            registers = self.inner.mutate(key, registers, self.x_probability)
        if self.patience:
            progress, over = follow(progress, scores, patience=self.patience)
            registers = self._restarted(registers, over)
        return Varied(registers, progress, state.seed, state.generation + 1)

    def _restarted(self, registers: Any, over: Array) -> Any:
        """Equal superposition with the guides that survive, if it is over."""
        # Registers start in equal superposition, whatever the key.
        anew = dataclasses.replace(
            self.inner.init(jax.random.key(0)),
            guides=surviving(registers.guides, self.kept),
        )
        return jax.tree.map(lambda new, old: jnp.where(over, new, old), anew, registers)

    def probabilities(self, state: Varied) -> Array:
        """Those of the registers, [L, K_max]."""
        return self.inner.probabilities(state.registers)


def vary(
    strategy: RegisterStrategy, options: VariationOptions, *, generations: int
) -> Strategy:
    """Applies all variations that are on.

    Args:
      strategy: the plain one.
      options: which.
      generations: G, for the size of the memory, if there is one.

    Returns:
      The strategy.
    """
    varied: Strategy = strategy
    if options.x_probability or options.catastrophe_after:
        gates = number(options.x_probability) if options.x_probability else None
        varied = WithAccidents(
            strategy.num_ops,
            strategy.population,
            inner=strategy,
            x_probability=gates,
            patience=options.catastrophe_after,
            kept=options.catastrophe_keeps,
        )
    capacity = options.capacity(strategy.population, generations)
    return with_memory(varied, capacity=capacity, draws=options.observations)
