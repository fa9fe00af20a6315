"""What the public BQNAS code does, kept as an ablation.

The released search differs from the published algorithm in that
- the stored pair is the rounded probability, used as if it were the amplitude;
- observation is a threshold at 0.5 of the square, so it is not random;
- bits are read least significant first;
- the guide is the best of the present generation;
- the rotation, rounded to three digits, turns away from the guide.
Taken together, and unless scores tie, it evaluates its initial archs for ever.

Source: Li et al., Balanced quantum neural architecture search, Neurocomputing 2024, and
the public code, github.com/Cipher2k29/Balanced-Quantum-Neural-Architecture-Search at
9c59fdf, lib/search_strategy/evolution_search.py.
Differs from that code in: the best arch so far is returned, not that of the last
rotation; any power of two of ops, not only 16.
"""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.errors import UserError
from qnas_jax.searching.base import Strategy
from qnas_jax.searching.spec import GATES, NoOptions, StrategySpec

ANGLE = 0.03 * np.pi
"""The released rotation angle in radians."""

_SENSE = np.array([[[0, 0], [-1, 0]], [[1, -1], [1, 1]]], np.float32)
"""+1 turns towards 1, -1 towards 0; indexed by own bit, guide's bit, own is best."""


@flax.struct.dataclass
class ReleasedState:
    """The pairs of the population and what random directions are drawn from."""

    pairs: Array  # [P, L, b, 2], three decimals, least significant bit first
    key_data: Array  # [...] uint32, key of the directions of Q-bits at a pole
    generation: Array  # [] int32


def observe_by_threshold(pairs: Array) -> Array:
    """Reads architectures without any randomness.

    Args:
      pairs: [P, L, b, 2].

    Returns:
      int32 [P, L]; a bit is 0 where the square of its first number is at least 0.5.
    """
    bits = (jnp.square(pairs[..., 0]) < 0.5).astype(jnp.int32)
    weights = 2 ** jnp.arange(pairs.shape[2], dtype=jnp.int32)
    return jnp.sum(bits * weights[None, None, :], axis=-1)


def turn_pair(
    pair: Array, own: Array, guide: Array, is_best: Array, direction: Array
) -> Array:
    """Turns one pair as released and rounds it to three decimals.

    Args:
      pair: [2].
      own: [] int, the observed bit.
      guide: [] int, the bit of the generation's best.
      is_best: [] int, 1 if the individual scored as high as the best.
      direction: [] +1 or -1, used where the pair sits at the pole to be left.

    Returns:
      [2].
    """
    sense = jnp.asarray(_SENSE)[own, guide, is_best]
    leaves_pole = jnp.where(sense > 0, pair[1], pair[0]) == 0
    sign = jnp.where(leaves_pole, direction * jnp.abs(sense), sense * _sign(pair))
    cos, sin = jnp.cos(sign * ANGLE), jnp.sin(sign * ANGLE)
    turned = jnp.stack([cos * pair[0] - sin * pair[1], sin * pair[0] + cos * pair[1]])
    return jnp.round(turned, 3)


def _sign(pair: Array) -> Array:
    return jnp.sign(pair[0]) * jnp.sign(pair[1])


class BqnasReleased(Strategy):
    """The released search; its state is a `ReleasedState`."""

    def init(self, key: Array) -> ReleasedState:
        """Rounded probabilities of random angles."""
        angle_key, direction_key = jax.random.split(key)
        width = self.num_ops[0].bit_length() - 1
        shape = (self.population, self.num_layers, width)
        angles = jax.random.uniform(angle_key, shape, maxval=np.pi / 2)
        squares = jnp.square(jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=-1))
        return ReleasedState(
            pairs=jnp.round(squares, 3),
            key_data=jax.random.key_data(direction_key),
            generation=jnp.int32(0),
        )

    def ask(self, key: Array, state: ReleasedState) -> Array:
        """Reads the pairs: archs int32 [P, L]; the key is not used."""
        del key
        return observe_by_threshold(state.pairs)

    def learn(self, state: ReleasedState, archs: Array, scores: Array) -> ReleasedState:
        """Turns the pairs away from the best of archs [P, L] by scores [P]."""
        width = state.pairs.shape[2]
        bits = archs[..., None] >> jnp.arange(width)[None, None, :] & 1
        best = jnp.argmax(scores)
        is_best = (scores >= scores[best]).astype(jnp.int32)
        stream = jax.random.wrap_key_data(state.key_data)
        direction_key = jax.random.fold_in(stream, state.generation)
        directions = jax.random.rademacher(direction_key, bits.shape, jnp.float32)
        of_register = jax.vmap(turn_pair, in_axes=(0, 0, 0, None, 0))
        of_layers = jax.vmap(of_register, in_axes=(0, 0, 0, None, 0))
        turn = jax.vmap(of_layers, in_axes=(0, 0, None, 0, 0))
        return ReleasedState(
            pairs=turn(state.pairs, bits, bits[best], is_best, directions),
            key_data=state.key_data,
            generation=state.generation + 1,
        )

    def probabilities(self, state: ReleasedState) -> Array:
        """Shares of what is read, [L, K]."""
        archs = observe_by_threshold(state.pairs)
        return jax.nn.one_hot(archs, self.num_ops[0]).mean(axis=0)


def bqnas_released(
    num_ops: tuple[int, ...],
    *,
    population: int,
    generations: int,
    options: NoOptions,
) -> Strategy:
    """Makes the strategy.

    Args:
      num_ops: (K, ..., K), the same power of two for every layer, at least 2.
      population: P.
      generations: nothing depends on it.
      options: none.

    Returns:
      The strategy.

    Raises:
      UserError: the layers do not all have the same power of two of ops.
    """
    del generations, options
    width = num_ops[0].bit_length() - 1 if num_ops else 0
    if width < 1 or set(num_ops) != {2**width}:
        raise UserError(
            f"bqnas_released: got layers with {sorted(set(num_ops))} ops, expected one "
            "power of two (2, 4, 8, ...) for all; choose strategy qbit for this space"
        )
    return BqnasReleased(num_ops, population)


SPEC = StrategySpec(
    "bqnas_released",
    "Li et al. 2024, public code",
    "what the released code does: it stays at its initial archs",
    "an ablation: what its observation by threshold costs",
    NoOptions,
    bqnas_released,
    acts_by=GATES,
)
