"""Mutation by the X gate: values of a register change places.

On a Q-bit X (quantum NOT) swaps the amplitudes of 0 and 1. On K levels it is the shift
X_K^s |k> = |k + s mod K>, here by a random s other than 0. It keeps what a register has
learnt of how sure it is, and turns round what it is sure of. On entangled registers the
shift of one layer permutes the rows and columns of the matrices that it stands between,
so that the joint state is permuted exactly.

Sources: Pauli-X as mutation of Q-bits: Lahoz-Beltra, Computers 5 (2016) 24; Wang, Liu,
Zhi & Fu, Math. Probl. Eng. 2013, 730749, algorithm 1, which spares the best individual.
Differs from the papers in: registers of K levels.
"""

import jax
import jax.numpy as jnp
from jax import Array

from qnas_jax.searching.base import Number
from qnas_jax.searching.registers.guides import Guides


def shift_levels(amplitudes: Array, step: Array, num_levels: Array) -> Array:
    """Shifts the amplitudes of one register cyclically.

    Args:
      amplitudes: [K_max], zero from K_l on.
      step: [] int, what is added to every level.
      num_levels: [] int, K_l.

    Returns:
      [K_max].
    """
    return amplitudes[_source(len(amplitudes), step, num_levels)]


def shift_chain(chain: Array, steps: Array, num_ops: Array) -> Array:
    """Shifts the levels of every register of an entangled chain.

    Args:
      chain: [L, K_max, K_max], the row is the layer before's op.
      steps: int [L].
      num_ops: int [L], K_l.

    Returns:
      [L, K_max, K_max]: psi'(a + s) = psi(a).
    """
    sources = jax.vmap(_source, in_axes=(None, 0, 0))(chain.shape[1], steps, num_ops)
    # The first layer has no layer before it: its rows are all the same.
    rows = jnp.concatenate([jnp.arange(chain.shape[1])[None], sources[:-1]])
    return jax.vmap(lambda table, row, column: table[row][:, column])(
        chain, rows, sources
    )


def _source(size: int, step: Array, num_levels: Array) -> Array:
    """Where each level's amplitude comes from; levels that a layer lacks stay."""
    level = jnp.arange(size)
    return jnp.where(level < num_levels, (level - step) % num_levels, level)


def random_steps(
    key: Array, guides: Guides, num_ops: Array, *, probability: Number
) -> Array:
    """Draws where X gates are applied, and by how much they shift.

    Args:
      key: consumed.
      guides: of the population; the individual with the best one is spared.
      num_ops: int [L], K_l.
      probability: [] of a gate, for each register.

    Returns:
      int [P, L], 0 where no gate is applied.
    """
    hit_key, step_key = jax.random.split(key)
    shape = guides.archs.shape
    hit = jax.random.bernoulli(hit_key, probability, shape)
    hit &= ~holds_best(guides)[:, None]
    limits = jnp.maximum(num_ops, 2)[None, :]
    steps = jax.random.randint(step_key, shape, 1, jnp.broadcast_to(limits, shape))
    return jnp.where(hit, steps, 0)


def holds_best(guides: Guides) -> Array:
    """Bool [P]: the individual with the best guide."""
    return jnp.arange(len(guides.scores)) == jnp.argmax(guides.scores)
