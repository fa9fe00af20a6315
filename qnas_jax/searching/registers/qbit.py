"""The quantum-inspired evolutionary algorithm (QEA) on registers of Q-bits.

Layer l is encoded in b_l = ceil(log2 K_l) independent Q-bits, most significant first.
All registers are stored with the b of the largest layer; the leading Q-bits of a
smaller one cancel out, because observation is conditioned on valid codes: code c < K_l
is drawn with probability P(c) / sum over valid codes, which equals drawing until the
code is valid and favours no op.

Source: Han & Kim, IEEE Trans. Evol. Comput. 6 (2002), figure 1; H-epsilon gate and
migration: same journal 8 (2004). As there, Q-bits are turned towards the guides of the
generations before, and then the present generation is stored.
Differs from the papers in: registers with codes that mean nothing.
"""

import dataclasses
import functools

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.options import option
from qnas_jax.searching.base import Number, Strategy, number
from qnas_jax.searching.observation import draw_op, draw_uniforms, own_ops
from qnas_jax.searching.registers.angles import AdaptiveAngle
from qnas_jax.searching.registers.guides import (
    Guides,
    Migration,
    MigrationOptions,
    no_guides,
    store,
)
from qnas_jax.searching.registers.rotation import (
    RULES,
    RotationOptions,
    chance_of_one,
    open_angles,
    rotate,
    rotation_table,
)
from qnas_jax.searching.registers.variations import (
    RegisterStrategy,
    VariationOptions,
    vary,
)
from qnas_jax.searching.registers.x_gate import holds_best
from qnas_jax.searching.spec import GATES, StrategySpec


@dataclasses.dataclass(frozen=True)
class QbitOptions(RotationOptions, MigrationOptions, VariationOptions):
    """How `qbit` moves its registers."""

    rule: str = option(
        "han_kim_2002", "which registers are rotated, and where to", choices=RULES
    )


@flax.struct.dataclass
class QbitState:
    """Registers and guides of the population."""

    # Q-bit by Q-bit, as CPUs compute along the last axes only.
    angles: Array  # [b, P, L] radians in [0, pi/2], P(bit = 1) = sin^2
    guides: Guides


def num_qbits(max_ops: int) -> int:
    """Returns b = ceil(log2 K_max), the Q-bits of a register."""
    return (max_ops - 1).bit_length()


def code_bits(codes: Array | np.ndarray, width: int) -> Array:
    """The bits of codes, most significant first.

    Args:
      codes: int, any shape.
      width: b.

    Returns:
      int [b, ...].
    """
    codes = jnp.asarray(codes)
    shifts = np.arange(width)[::-1].reshape(-1, *[1] * codes.ndim)
    return codes[None] >> jnp.asarray(shifts) & 1


def code_weights(angles: Array, own: Array) -> list[Array]:
    """Probability of each code of one register, zero for codes that mean nothing.

    Args:
      angles: [b] radians.
      own: bool [K_max], the ops that the layer has.

    Returns:
      K_max numbers []; given a valid code, that of op c is the c-th over their sum.
    """
    # The floor keeps the sum over valid codes positive when a Q-bit is at a pole: no
    # product of b factors falls below the smallest normal number.
    floor = float(jnp.finfo(angles.dtype).tiny) ** (1 / max(len(angles), 1))
    # Written out over the few Q-bits and codes: many registers are computed at once.
    codes = [jnp.ones((), angles.dtype)]
    for angle in angles:
        chance = chance_of_one(angle)
        bits = jnp.maximum(1 - chance, floor), jnp.maximum(chance, floor)
        codes = [code * bit for code in codes for bit in bits]
    return [jnp.where(own[code], codes[code], 0.0) for code in range(len(own))]


def register_probabilities(angles: Array, own: Array) -> Array:
    """Distribution over the ops of one register, conditioned on valid codes.

    Args:
      angles: [b] radians.
      own: bool [K_max], the ops that the layer has.

    Returns:
      [K_max] probabilities, zero where `own` is false.
    """
    weights = jnp.stack(code_weights(angles, own))
    return weights / jnp.sum(weights)


def draw_code(uniform: Array, angles: Array, own: Array) -> Array:
    """Observes one register.

    Args:
      uniform: [] in [0, 1).
      angles: [b] radians.
      own: bool [K_max], the ops that the layer has.

    Returns:
      int32 [], a valid code.
    """
    return draw_op(uniform, code_weights(angles, own))


TurnTable = tuple[tuple[tuple[Number | None, ...], ...], ...]
"""Radians by own bit, guide's bit and whether the own score is at least the guide's;
None where there is no turn, whatever the angle is: nothing is computed there."""


def turn_table(rule: str, angle: float) -> TurnTable:
    """The signed angles of a rule as leaves, see `rotation_table`."""
    return tuple(
        tuple(
            tuple(number(turn) if turn else None for turn in by_score)
            for by_score in by_guide
        )
        for by_guide in rotation_table(rule, angle)
    )


def _turn(leaf: Number | None) -> Number | float:
    return 0.0 if leaf is None else leaf


def turn_qbit(
    angle: Array,
    own_bit: Array,
    guide_bit: Array,
    at_least: Array,
    share: Array,
    table: TurnTable,
) -> Array:
    """Applies the rotation that a table assigns to one Q-bit.

    Args:
      angle: [] radians.
      own_bit: [] int, the bit of the arch that the individual evaluated.
      guide_bit: [] int, the bit of its guide.
      at_least: [] int, 1 if the own score is at least the guide's.
      share: [] share of the angle, in [0, 1].
      table: see `turn_table`.

    Returns:
      [] radians in [0, pi/2].
    """
    # Choices instead of a look-up: they are computed for many Q-bits at once.
    by_guide = [
        jnp.where(
            guide_bit == 1,
            jnp.where(at_least == 1, _turn(table[own][1][1]), _turn(table[own][1][0])),
            jnp.where(at_least == 1, _turn(table[own][0][1]), _turn(table[own][0][0])),
        )
        for own in (0, 1)
    ]
    return rotate(angle, share * jnp.where(own_bit == 1, by_guide[1], by_guide[0]))


class Qbit(RegisterStrategy):
    """The QEA; its state is a `QbitState`."""

    table: TurnTable
    least: Number  # the smallest angle that the H-epsilon gate leaves
    largest: Number
    adaptive: AdaptiveAngle
    migration: Migration = flax.struct.field(pytree_node=False)

    def init(self, key: Array) -> QbitState:
        """Equal superposition; nothing is random yet."""
        del key
        shape = (num_qbits(max(self.num_ops)), self.population, self.num_layers)
        return QbitState(
            angles=jnp.full(shape, np.pi / 4, jnp.float32),
            guides=no_guides(self.population, self.num_layers),
        )

    def ask(self, key: Array, state: QbitState) -> Array:
        """Observes all registers, int32 [P, L]."""
        uniforms = draw_uniforms(key, self.population, self.num_layers)
        observe = jax.vmap(jax.vmap(draw_code, (0, 1, 0)), (0, 1, None))
        return observe(uniforms, state.angles, jnp.asarray(own_ops(self.num_ops)))

    def learn(self, state: QbitState, archs: Array, scores: Array) -> QbitState:
        """Turns all Q-bits as the table says, and stores archs [P, L], scores [P]."""
        guides, width = state.guides, len(state.angles)
        at_least = (scores >= guides.scores).astype(jnp.int32)
        turn = functools.partial(turn_qbit, table=self.table)
        turn_layers = jax.vmap(turn, (0, 0, 0, None, 0))
        turn_all = jax.vmap(jax.vmap(turn_layers), (0, 0, 0, None, 0))
        guide_bits = code_bits(guides.archs, width)
        ones = jnp.square(jnp.sin(state.angles))
        distance = jnp.where(guide_bits == 1, 1.0 - ones, ones)
        turned = turn_all(
            state.angles,
            code_bits(archs, width),
            guide_bits,
            at_least,
            self.adaptive.share(guides, scores, distance),
        )
        guided = (guides.scores > -jnp.inf)[None, :, None]
        angles = jnp.where(guided, turned, state.angles)
        return QbitState(
            angles=jnp.clip(angles, self.least, self.largest),
            guides=store(guides, archs, scores, migration=self.migration),
        )

    def probabilities(self, state: QbitState) -> Array:
        """Of all registers, given valid codes, [L, K_max]."""
        of_layers = jax.vmap(register_probabilities, in_axes=(1, 0))
        of_all = jax.vmap(of_layers, in_axes=(1, None))
        return of_all(state.angles, jnp.asarray(own_ops(self.num_ops))).mean(axis=0)

    def mutate(self, key: Array, state: QbitState, probability: Number) -> QbitState:
        """Swaps amplitudes of Q-bits with a `probability` []; consumes the key."""
        hit = jax.random.bernoulli(key, probability, state.angles.shape)
        hit &= ~holds_best(state.guides)[None, :, None]
        flipped = jnp.where(hit, np.pi / 2 - state.angles, state.angles)
        return dataclasses.replace(state, angles=flipped)


def plain_qbit(
    num_ops: tuple[int, ...],
    population: int,
    *,
    rule: str,
    angle: float,
    epsilon: float,
    migration: Migration,
    adaptive: AdaptiveAngle,
) -> Qbit:
    """Makes the QEA without variations.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      rule: a key of `rotation.RULES`.
      angle: radians in (0, pi/2], size of a rotation.
      epsilon: least probability of either value of a Q-bit, in [0, 0.5).
      migration: how guides are exchanged.
      adaptive: how the angle adapts.

    Returns:
      The strategy.
    """
    least, largest = open_angles(epsilon)
    return Qbit(
        num_ops,
        population,
        table=turn_table(rule, angle),
        least=least,
        largest=largest,
        adaptive=adaptive,
        migration=migration,
    )


def qbit(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: QbitOptions,
) -> Strategy:
    """Makes the QEA with its variations.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      generations: G, over which a falling angle falls.
      options: see `QbitOptions`.

    Returns:
      The strategy.
    """
    strategy = plain_qbit(
        num_ops,
        population,
        rule=options.rule,
        angle=options.angle,
        epsilon=options.epsilon,
        migration=options.migration(),
        adaptive=options.adaptive_angle(generations),
    )
    return vary(strategy, options, generations=generations)


SPEC = StrategySpec(
    "qbit",
    "Han & Kim 2002, 2004",
    "Q-bit registers, rotation towards guides, migration, H-epsilon gate",
    "registers of two values, large populations; the classic",
    QbitOptions,
    qbit,
    acts_by=GATES,
    population=5,
)
