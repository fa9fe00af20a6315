"""Variations of the strategies that rotate registers: options, and where they act.

    adaptive angle   within the rotation itself                      (`angles`)
    X gates          on the registers, after they were rotated       (`x_gate`)
    catastrophe      after that: all registers start anew            (`catastrophe`)
    memory           on what is observed                             (`memory`)

Each is off by default, and then the strategy is the plain one, bit for bit.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.options import option
from qnas_jax.search.base import Strategy
from qnas_jax.search.history import MemoryOptions
from qnas_jax.search.registers.angles import ANGLE_RULES, AdaptiveAngle
from qnas_jax.search.registers.catastrophe import (
    KEPT,
    Progress,
    follow,
    no_progress,
    surviving,
)
from qnas_jax.search.registers.memory import with_memory


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
        return AdaptiveAngle(self.angle_rule, self.least_angle, generations)


@flax.struct.dataclass
class Varied:
    """Registers with what their variations have to keep."""

    registers: Any
    progress: Progress
    seed: Array  # [] uint32, of the X gates
    generation: Array  # [] int32


def vary(
    strategy: Strategy,
    options: VariationOptions,
    *,
    capacity: int,
    mutate: Callable[..., Any],
) -> Strategy:
    """Applies all variations that are on.

    Args:
      strategy: `qbit`, `qudit` or `entangled`.
      options: which.
      capacity: evaluations that are remembered, if there is memory.
      mutate: `mutate(key, registers, num_ops, probability=)` applies X gates.

    Returns:
      The strategy.
    """
    if options.x_probability or options.catastrophe_after:
        strategy = _with_accidents(strategy, options, mutate)
    return with_memory(strategy, capacity=capacity, draws=options.observations)


def _with_accidents(
    strategy: Strategy, options: VariationOptions, mutate: Callable[..., Any]
) -> Strategy:
    def init(key: Array) -> Varied:
        registers_key, seed_key = jax.random.split(key)
        return Varied(
            registers=strategy.init(registers_key),
            progress=no_progress(),
            seed=jax.random.bits(seed_key),
            generation=jnp.int32(0),
        )

    def learn(state: Varied, archs: Array, scores: Array) -> Varied:
        registers = strategy.learn(state.registers, archs, scores)
        progress = state.progress
        if options.x_probability:
            key = jax.random.fold_in(jax.random.key(state.seed), state.generation)
            registers = mutate(
                key, registers, strategy.num_ops, probability=options.x_probability
            )
        if options.catastrophe_after:
            progress, over = follow(
                progress, scores, patience=options.catastrophe_after
            )
            registers = _restarted(strategy, registers, over, options.catastrophe_keeps)
        return Varied(registers, progress, state.seed, state.generation + 1)

    return dataclasses.replace(
        strategy,
        init=init,
        ask=lambda key, state: strategy.ask(key, state.registers),
        learn=learn,
        probabilities=lambda state: strategy.probabilities(state.registers),
    )


def _restarted(strategy: Strategy, registers: Any, over: Array, kept: str) -> Any:
    """Equal superposition with the guides that survive, if it is over."""
    # Registers start in equal superposition, whatever the key.
    anew = dataclasses.replace(
        strategy.init(jax.random.key(0)), guides=surviving(registers.guides, kept)
    )
    return jax.tree.map(lambda new, old: jnp.where(over, new, old), anew, registers)
