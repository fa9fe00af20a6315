"""Search on K-level registers: one real amplitude for each op of a layer.

A register is a unit vector of non-negative amplitudes, started in equal superposition
of the layer's own ops. A gate moves it towards the guide's op: here a rotation in the
plane of the guide's basis state and the rest of the vector; `qiga2` has another one.

Sources: the guides and the rule are those of Han & Kim, IEEE Trans. Evol. Comput. 6
(2002).
Differs from the papers in: registers of any number of levels, the floor for
probabilities (the H-epsilon gate of Han & Kim 2004 for more than two levels).
"""

import abc
import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.observation import observe, own_ops
from qnas_jax.searching.registers.angles import AdaptiveAngle
from qnas_jax.searching.registers.guides import (
    Guides,
    Migration,
    MigrationOptions,
    no_guides,
    store,
)
from qnas_jax.searching.registers.rotation import RotationOptions
from qnas_jax.searching.registers.variations import (
    RegisterStrategy,
    VariationOptions,
    vary,
)
from qnas_jax.searching.registers.x_gate import random_steps, shift_levels
from qnas_jax.searching.spec import GATES, StrategySpec

QUDIT_RULES = ("han_kim_2002", "always")
"""Rules that have a meaning for registers of more than two levels."""


@dataclasses.dataclass(frozen=True)
class QuditOptions(RotationOptions, MigrationOptions, VariationOptions):
    """How `qudit` moves its registers."""

    rule: str = option(
        "han_kim_2002", "which registers are rotated, and where to", choices=QUDIT_RULES
    )


@flax.struct.dataclass
class QuditState:
    """Registers and guides of the population."""

    amplitudes: Array  # [P, L, K_max], non-negative, unit norm over the layer's ops
    guides: Guides


def rotate_towards(amplitudes: Array, op: Array, angle: Number | float) -> Array:
    """Rotates one register towards a basis state, at most onto it.

    Args:
      amplitudes: [K_max] non-negative, unit norm.
      op: [] int, the guide's op.
      angle: [] radians in [0, pi/2].

    Returns:
      [K_max] non-negative, unit norm.
    """
    chosen = jnp.arange(amplitudes.shape[0]) == op
    rest = jnp.where(chosen, 0.0, amplitudes)
    rest_norm = jnp.linalg.norm(rest)
    before = jnp.arctan2(rest_norm, amplitudes[op])
    after = jnp.maximum(before - angle, 0.0)
    scale = jnp.sin(after) / jnp.where(rest_norm > 0, rest_norm, 1.0)
    return jnp.where(chosen, jnp.cos(after), rest * scale)


def keep_levels_open(amplitudes: Array, own: Array, epsilon: Number | float) -> Array:
    """Lifts every own op of one register to probability epsilon and restores the norm.

    Args:
      amplitudes: [K_max] non-negative.
      own: bool [K_max], the ops that the layer has.
      epsilon: [] probability, below 1 / K_l.

    Returns:
      [K_max]; unchanged but for rounding where all probabilities were high enough.
    """
    floor = jnp.where(own, epsilon, 0.0)
    above = jnp.maximum(jnp.square(amplitudes) - floor, 0.0)
    share = (1.0 - jnp.sum(floor)) / jnp.sum(above)
    return jnp.sqrt(floor + above * share)


def check_epsilon(epsilon: float, num_ops: tuple[int, ...]) -> None:
    """Raises UserError unless the floor leaves room in the largest register."""
    most = max(num_ops, default=1)
    if not 0 <= epsilon * most < 1:
        raise UserError(
            f"epsilon: got {epsilon}, expected a number in [0, 1/{most}), the "
            "largest layer's equal share"
        )


class QuditStrategy(RegisterStrategy):
    """Moves K-level registers by a gate; its state is a `QuditState`."""

    epsilon: Number  # least probability of an op
    adaptive: AdaptiveAngle
    rule: str = flax.struct.field(pytree_node=False)  # one of `QUDIT_RULES`
    migration: Migration = flax.struct.field(pytree_node=False)

    @abc.abstractmethod
    def gate(self, amplitudes: Array, op: Array, share: Array) -> Array:
        """Moves one register towards the guide's op.

        Args:
          amplitudes: [K_max] non-negative, unit norm.
          op: [] int.
          share: [] share of the full angle.

        Returns:
          [K_max] non-negative, unit norm.
        """

    def init(self, key: Array) -> QuditState:
        """Equal superposition; nothing is random yet."""
        del key
        own = own_ops(self.num_ops)
        uniform = own / np.sqrt(own.sum(axis=1, keepdims=True))
        registers = jnp.asarray(uniform, jnp.float32)
        return QuditState(
            amplitudes=jnp.tile(registers[None], (self.population, 1, 1)),
            guides=no_guides(self.population, self.num_layers),
        )

    def ask(self, key: Array, state: QuditState) -> Array:
        """Observes all registers, int32 [P, L]."""
        return observe(key, jnp.square(state.amplitudes))

    def _update(
        self, amplitudes: Array, levels: Array, op: Array, move: Array, share: Array
    ) -> Array:
        moved = jnp.where(move, self.gate(amplitudes, op, share), amplitudes)
        return keep_levels_open(moved, levels, self.epsilon)

    def learn(self, state: QuditState, archs: Array, scores: Array) -> QuditState:
        """Moves the registers that the rule names, stores archs [P, L], scores [P]."""
        guides, own = state.guides, jnp.asarray(own_ops(self.num_ops))
        moves = jnp.tile((guides.scores > -jnp.inf)[:, None], (1, self.num_layers))
        if self.rule == "han_kim_2002":
            moves &= (scores < guides.scores)[:, None] & (archs != guides.archs)
        update_layers = jax.vmap(jax.vmap(self._update), in_axes=(0, None, 0, 0, 0))
        at_guide = jnp.take_along_axis(
            state.amplitudes, guides.archs[:, :, None], axis=2
        )[:, :, 0]
        share = self.adaptive.share(guides, scores, 1.0 - jnp.square(at_guide))
        return QuditState(
            amplitudes=update_layers(state.amplitudes, own, guides.archs, moves, share),
            guides=store(guides, archs, scores, migration=self.migration),
        )

    def probabilities(self, state: QuditState) -> Array:
        """Squares of the amplitudes, [L, K_max]."""
        return jnp.square(state.amplitudes).mean(axis=0)

    def mutate(self, key: Array, state: QuditState, probability: Number) -> QuditState:
        """Shifts the levels of registers with a `probability` []; consumes the key."""
        levels = jnp.asarray(self.num_ops)
        steps = random_steps(key, state.guides, levels, probability=probability)
        shift = jax.vmap(jax.vmap(shift_levels), in_axes=(0, 0, None))
        shifted = shift(state.amplitudes, steps, levels)
        return dataclasses.replace(state, amplitudes=shifted)


class Qudit(QuditStrategy):
    """Its gate is the rotation."""

    angle: Number  # radians

    def gate(self, amplitudes: Array, op: Array, share: Array) -> Array:
        """Rotates [K_max] towards the guide's op [] by a share [] of the angle."""
        return rotate_towards(amplitudes, op, share * self.angle)


def qudit(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: QuditOptions,
) -> Strategy:
    """Makes the strategy with its variations.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: G, over which a falling angle falls.
      options: rule `always` (wherever there is a guide) or `han_kim_2002` (only where
        an individual that scored worse than its guide differs from it), angle, epsilon
        (least probability of an op, in [0, 1 / K_max)), migration and variations.

    Returns:
      The strategy.

    Raises:
      UserError: an epsilon that is too large for the space.
    """
    check_epsilon(options.epsilon, num_ops)
    strategy = Qudit(
        num_ops,
        population,
        angle=number(options.angle),
        epsilon=number(options.epsilon),
        adaptive=options.adaptive_angle(generations),
        rule=options.rule,
        migration=options.migration(),
    )
    return vary(strategy, options, generations=generations)


SPEC = StrategySpec(
    "qudit",
    "Han & Kim 2002, K levels",
    "one K-level register a layer, rotation towards guides",
    "layers of any number of ops",
    QuditOptions,
    qudit,
    acts_by=GATES,
    population=5,
)
