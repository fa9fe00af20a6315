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

import functools

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.search.base import Strategy
from qnas_jax.search.observation import observe, own_ops
from qnas_jax.search.registers.guides import Guides, Migration, no_guides, store
from qnas_jax.search.registers.rotation import keep_open, rotate, rotation_table


@flax.struct.dataclass
class QbitState:
    """Registers and guides of the population."""

    angles: Array  # [P, L, b] radians in [0, pi/2], P(bit = 1) = sin^2
    guides: Guides


def code_bits(max_ops: int) -> np.ndarray:
    """The bits of the codes 0 .. K_max - 1, most significant first.

    Args:
      max_ops: K_max.

    Returns:
      int32 [K_max, b] with b = ceil(log2 K_max).
    """
    width = (max_ops - 1).bit_length()
    shifts = np.arange(width)[::-1]
    return (np.arange(max_ops, dtype=np.int32)[:, None] >> shifts & 1).astype(np.int32)


def register_probabilities(angles: Array, own: Array, bits: Array) -> Array:
    """Distribution over the ops of one register, conditioned on valid codes.

    Args:
      angles: [b] radians.
      own: bool [K_max], the ops that the layer has.
      bits: [K_max, b], see `code_bits`.

    Returns:
      [K_max] probabilities, zero where `own` is false.
    """
    # The floor keeps the sum over valid codes positive when a Q-bit is at a pole: no
    # product of b factors falls below the smallest normal number.
    floor = float(jnp.finfo(angles.dtype).tiny) ** (1 / max(len(angles), 1))
    cosine = jnp.cos(2 * angles)  # sin^2 and cos^2 by one evaluation
    one = jnp.maximum((1 - cosine) / 2, floor)
    zero = jnp.maximum((1 + cosine) / 2, floor)
    products = jnp.where(own, 1.0, 0.0)
    for place in range(len(angles)):
        products *= jnp.where(bits[:, place] == 1, one[place], zero[place])
    return products / jnp.sum(products)


def turn_qbit(
    angle: Array, own_bit: Array, guide_bit: Array, at_least: Array, table: Array
) -> Array:
    """Applies the rotation that a table assigns to one Q-bit.

    Args:
      angle: [] radians.
      own_bit: [] int, the bit of the arch that the individual evaluated.
      guide_bit: [] int, the bit of its guide.
      at_least: [] int, 1 if the own score is at least the guide's.
      table: [2, 2, 2], see `rotation_table`.

    Returns:
      [] radians in [0, pi/2].
    """
    return rotate(angle, table[own_bit, guide_bit, at_least])


def qbit(
    num_ops: tuple[int, ...],
    *,
    population: int,
    rule: str,
    angle: float,
    epsilon: float,
    migration: Migration,
) -> Strategy:
    """Makes the QEA strategy.

    Args:
      num_ops: (K_1, ..., K_L).
      population: P.
      rule: a key of `rotation.RULES`.
      angle: radians in (0, pi/2], size of a rotation.
      epsilon: least probability of either value of a Q-bit, in [0, 0.5).
      migration: how guides are exchanged.

    Returns:
      The strategy; its state is a `QbitState`.

    Raises:
      ValueError: a value that is out of range.
    """
    if not 0 <= epsilon < 0.5:
        raise ValueError(f"epsilon: got {epsilon}, expected a number in [0, 0.5)")
    own = own_ops(num_ops)
    bits = code_bits(own.shape[1])
    table = rotation_table(rule, angle).astype(np.float32)

    def init(key: Array) -> QbitState:
        del key  # Equal superposition: nothing is random yet.
        shape = (population, len(num_ops), bits.shape[1])
        return QbitState(
            angles=jnp.full(shape, np.pi / 4, jnp.float32),
            guides=no_guides(population, len(num_ops)),
        )

    def all_probabilities(state: QbitState) -> Array:
        of_layers = jax.vmap(register_probabilities, in_axes=(0, 0, None))
        return jax.vmap(of_layers, in_axes=(0, None, None))(
            state.angles, jnp.asarray(own), jnp.asarray(bits)
        )

    def ask(key: Array, state: QbitState) -> Array:
        return observe(key, all_probabilities(state))

    def learn(state: QbitState, archs: Array, scores: Array) -> QbitState:
        guides = state.guides
        at_least = (scores >= guides.scores).astype(jnp.int32)
        codes = jnp.asarray(bits)
        turn = functools.partial(turn_qbit, table=jnp.asarray(table))
        turn_layers = jax.vmap(jax.vmap(turn, (0, 0, 0, None)), (0, 0, 0, None))
        turned = jax.vmap(turn_layers)(
            state.angles, codes[archs], codes[guides.archs], at_least
        )
        guided = (guides.scores > -jnp.inf)[:, None, None]
        return QbitState(
            angles=keep_open(jnp.where(guided, turned, state.angles), epsilon),
            guides=store(guides, archs, scores, migration=migration),
        )

    def probabilities(state: QbitState) -> Array:
        return all_probabilities(state).mean(axis=0)

    return Strategy(num_ops, population, init, ask, learn, probabilities)
