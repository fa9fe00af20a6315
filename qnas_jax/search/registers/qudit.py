"""Search on K-level registers: one real amplitude for each op of a layer.

A register is a unit vector of non-negative amplitudes, started in equal superposition
of the layer's own ops. Two gates move it towards the guide's op: a rotation in the
plane of the guide's basis state and the rest of the vector, and the contraction of
QIGA-2, which for registers of four levels are two entangled Q-bits.

Sources: the guides and the rule are those of Han & Kim, IEEE Trans. Evol. Comput. 6
(2002); contraction: Nowotniak & Kucharski, Higher-order quantum-inspired genetic
algorithms, FedCSIS 2014.
Differs from the papers in: registers of any number of levels, the floor for
probabilities (the H-epsilon gate of Han & Kim 2004 for more than two levels).
"""

import dataclasses
import functools
from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.options import option
from qnas_jax.search.base import Strategy
from qnas_jax.search.observation import observe, own_ops
from qnas_jax.search.registers.angles import AdaptiveAngle
from qnas_jax.search.registers.guides import (
    Guides,
    Migration,
    MigrationOptions,
    no_guides,
    store,
)
from qnas_jax.search.registers.rotation import RotationOptions
from qnas_jax.search.registers.variations import VariationOptions, vary
from qnas_jax.search.registers.x_gate import random_steps, shift_levels
from qnas_jax.search.spec import StrategySpec

QUDIT_RULES = ("han_kim_2002", "always")
"""Rules that have a meaning for registers of more than two levels."""

_CONSTANT = AdaptiveAngle()


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


def rotate_towards(
    amplitudes: Array, op: Array, share: Array | float = 1.0, *, angle: float | Array
) -> Array:
    """Rotates one register towards a basis state, at most onto it.

    Args:
      amplitudes: [K_max] non-negative, unit norm.
      op: [] int, the guide's op.
      share: [] share of the angle, in [0, 1].
      angle: [] radians in [0, pi/2].

    Returns:
      [K_max] non-negative, unit norm.
    """
    chosen = jnp.arange(amplitudes.shape[0]) == op
    rest = jnp.where(chosen, 0.0, amplitudes)
    rest_norm = jnp.linalg.norm(rest)
    before = jnp.arctan2(rest_norm, amplitudes[op])
    after = jnp.maximum(before - share * angle, 0.0)
    scale = jnp.sin(after) / jnp.where(rest_norm > 0, rest_norm, 1.0)
    return jnp.where(chosen, jnp.cos(after), rest * scale)


def contract_towards(
    amplitudes: Array, op: Array, share: Array | float = 1.0, *, mu: float
) -> Array:
    """Contracts all amplitudes but the guide's, which takes what is left of the norm.

    Args:
      amplitudes: [K_max] non-negative, unit norm.
      op: [] int, the guide's op.
      share: [] not used, a contraction has no angle.
      mu: factor in (0, 1).

    Returns:
      [K_max] non-negative, unit norm.
    """
    del share
    chosen = jnp.arange(amplitudes.shape[0]) == op
    rest = jnp.where(chosen, 0.0, mu * amplitudes)
    left = jnp.sqrt(jnp.maximum(1.0 - jnp.sum(jnp.square(rest)), 0.0))
    return jnp.where(chosen, left, rest)


def keep_levels_open(amplitudes: Array, own: Array, epsilon: float) -> Array:
    """Lifts every own op of one register to probability epsilon and restores the norm.

    Args:
      amplitudes: [K_max] non-negative.
      own: bool [K_max], the ops that the layer has.
      epsilon: probability, below 1 / K_l.

    Returns:
      [K_max]; unchanged but for rounding where all probabilities were high enough.
    """
    floor = jnp.where(own, epsilon, 0.0)
    above = jnp.maximum(jnp.square(amplitudes) - floor, 0.0)
    share = (1.0 - jnp.sum(floor)) / jnp.sum(above)
    return jnp.sqrt(floor + above * share)


def check_registers(rule: str, epsilon: float, num_levels: int) -> None:
    """Raises UserError unless rule and floor fit registers of up to K_max levels."""
    if rule not in QUDIT_RULES:
        raise UserError(
            f"rule: got {rule!r}, expected one of {', '.join(QUDIT_RULES)} for "
            "K-level registers"
        )
    if not 0 <= epsilon * num_levels < 1:
        raise UserError(
            f"epsilon: got {epsilon}, expected a number in [0, 1/{num_levels}), the "
            "largest layer's equal share"
        )


def shift_registers(
    key: Array, state: QuditState, num_ops: tuple[int, ...], *, probability: float
) -> QuditState:
    """Applies X gates at random, but not to the individual with the best guide.

    Args:
      key: consumed.
      state: of the population.
      num_ops: (K_1, ..., K_L).
      probability: of a gate, for each register.

    Returns:
      The state; its guides stay.
    """
    levels = jnp.asarray(num_ops)
    steps = random_steps(key, state.guides, levels, probability=probability)
    shift = jax.vmap(jax.vmap(shift_levels), in_axes=(0, 0, None))
    shifted = shift(state.amplitudes, steps, levels)
    return dataclasses.replace(state, amplitudes=shifted)


def qudit(
    num_ops: tuple[int, ...],
    *,
    population: int,
    gate: Callable[[Array, Array, Array], Array],
    rule: str,
    epsilon: float,
    migration: Migration,
    adaptive: AdaptiveAngle = _CONSTANT,
) -> Strategy:
    """Makes the strategy on K-level registers.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      gate: `(amplitudes [K_max], op [], share []) -> amplitudes [K_max]`, for one
        register, with the share of the full angle.
      rule: `always` (wherever there is a guide) or `han_kim_2002` (only where an
        individual that scored worse than its guide differs from it).
      epsilon: least probability of an op, in [0, 1 / K_max).
      migration: how guides are exchanged.
      adaptive: how the angle of the gate adapts.

    Returns:
      The strategy; its state is a `QuditState`.

    Raises:
      UserError: a value that is out of range, or a rule that is for Q-bits only.
    """
    own = own_ops(num_ops)
    check_registers(rule, epsilon, own.shape[1])
    uniform = own / np.sqrt(own.sum(axis=1, keepdims=True))

    def init(key: Array) -> QuditState:
        del key  # Equal superposition: nothing is random yet.
        registers = jnp.asarray(uniform, jnp.float32)
        return QuditState(
            amplitudes=jnp.tile(registers[None], (population, 1, 1)),
            guides=no_guides(population, len(num_ops)),
        )

    def ask(key: Array, state: QuditState) -> Array:
        return observe(key, jnp.square(state.amplitudes))

    def update(
        amplitudes: Array, levels: Array, op: Array, move: Array, share: Array
    ) -> Array:
        moved = jnp.where(move, gate(amplitudes, op, share), amplitudes)
        return keep_levels_open(moved, levels, epsilon)

    def learn(state: QuditState, archs: Array, scores: Array) -> QuditState:
        guides = state.guides
        moves = jnp.tile((guides.scores > -jnp.inf)[:, None], (1, len(num_ops)))
        if rule == "han_kim_2002":
            moves &= (scores < guides.scores)[:, None] & (archs != guides.archs)
        update_layers = jax.vmap(jax.vmap(update), in_axes=(0, None, 0, 0, 0))
        at_guide = jnp.take_along_axis(
            state.amplitudes, guides.archs[:, :, None], axis=2
        )[:, :, 0]
        share = adaptive.share(guides, scores, 1.0 - jnp.square(at_guide))
        return QuditState(
            amplitudes=update_layers(
                state.amplitudes, jnp.asarray(own), guides.archs, moves, share
            ),
            guides=store(guides, archs, scores, migration=migration),
        )

    def probabilities(state: QuditState) -> Array:
        return jnp.square(state.amplitudes).mean(axis=0)

    return Strategy(num_ops, population, init, ask, learn, probabilities)


def _make(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: QuditOptions,
) -> Strategy:
    strategy = qudit(
        num_ops,
        population=population,
        gate=functools.partial(rotate_towards, angle=options.angle),
        rule=options.rule,
        epsilon=options.epsilon,
        migration=options.migration(),
        adaptive=options.adaptive_angle(generations),
    )
    return vary(
        strategy,
        options,
        capacity=options.capacity(population, generations),
        mutate=shift_registers,
    )


SPEC = StrategySpec(
    "qudit",
    "Han & Kim 2002, K levels",
    "one K-level register a layer, rotation towards guides",
    "layers of any number of ops",
    QuditOptions,
    _make,
)
