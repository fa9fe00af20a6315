"""QAOA on K-level registers: the state has one amplitude for each choice of levels.

A register mixes by exp(-i beta |s><s|) with |s> the equal superposition of its own
levels, all registers at once. No level that does not exist is ever reached, so there is
no penalty, and N = prod K_l amplitudes are kept instead of 2^(bits). It is the complete
XY mixer on one-hot registers, restricted to the strings that are one-hot; for K = 2 it
is the transverse field, exp(-i beta X / 2), but for a phase.

The angles are a linear ramp from the mixer's to the cost's end, as in annealing, in
units of the spread of the costs. Good angles are nearly the same for typical instances
of one kind, so that they are not optimised for each anew.

Sources: Hadfield et al., "From the quantum approximate optimization algorithm to a
quantum alternating operator ansatz", Algorithms 12 (2019), section 4 (mixers of K-level
registers); Sack & Serbyn, Quantum 5, 491 (2021) (ramps); Brandao et al., "For fixed
control parameters the QAOA's objective value concentrates", arXiv:1812.04170.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qnas_jax.kernels.phases import cos_sin
from qnas_jax.options import Options, option
from qnas_jax.quantum.levels_walks import Choices
from qnas_jax.quantum.problem import Levels

_LARGEST_BLOCK = 32
"""Levels of neighbouring registers that one matrix product mixes together."""


@dataclasses.dataclass(frozen=True)
class QaoaLevelsOptions(Options):
    """Depth, ramp and shots."""

    depth: int = option(8, "p, layers of phases and mixers", low=1)
    shots: int = option(256, "measurements of the last state", low=1)
    gamma: float = option(3.0, "last gamma, for costs of unit spread", above=0.0)
    beta: float = option(2.0, "size of the first beta, radians", above=0.0)


_DEFAULTS = QaoaLevelsOptions()


def ramp(options: QaoaLevelsOptions) -> tuple[Array, Array]:
    """Angles gammas [p], rising linearly, and betas [p], rising from -beta to zero.

    Betas are negative: the start, |s> on every register, is the lowest state of
    -|s><s|, so that slow ramps end in the lowest cost and not in the highest.
    """
    share = (jnp.arange(options.depth) + 0.5) / options.depth
    return options.gamma * share, -options.beta * (1.0 - share)


def mix_levels(state: Array, beta: Array, num_levels: tuple[int, ...]) -> Array:
    """Applies exp(-i beta |s><s|) to every register.

    Neighbouring registers are mixed by one small matrix product, which turns the order
    of the registers round; after all of them it is as before.

    Args:
      state: [2, N] real and imaginary parts.
      beta: [] radians.
      num_levels: (K_1, ..., K_L), N = prod K_l.

    Returns:
      [2, N].
    """
    for block in _blocks(num_levels):
        size = int(np.prod(block))
        matrix = _block_mixer(beta, block)
        parts = matrix @ state.reshape(2 * size, -1)
        state = parts.reshape(2, size, -1).swapaxes(1, 2).reshape(2, -1)
    return state


def qaoa_levels_state(
    table: Array, gammas: Array, betas: Array, num_levels: tuple[int, ...]
) -> Array:
    """The state after p layers, from equal superposition.

    Args:
      table: real [N] costs of all choices, the last register fastest.
      gammas: [p] angles of the phases exp(-i gamma cost).
      betas: [p] angles of the mixer.
      num_levels: (K_1, ..., K_L), N = prod K_l.

    Returns:
      Complex [N], norm 1.
    """

    def layer(state: Array, angles: tuple[Array, Array]) -> tuple[Array, None]:
        gamma, beta = angles
        cosine, sine = cos_sin(gamma * table)
        real, imaginary = state
        turned = jnp.stack(
            [
                real * cosine + imaginary * sine,
                imaginary * cosine - real * sine,
            ]
        )
        return mix_levels(turned, beta, num_levels), None

    equal = jnp.full_like(table, float(np.prod(num_levels)) ** -0.5)
    start = jnp.stack([equal, jnp.zeros_like(equal)])
    (real, imaginary), _ = jax.lax.scan(layer, start, (gammas, betas))
    return jax.lax.complex(real, imaginary)


def qaoa_levels(
    problem: Levels, key: Array, *, options: QaoaLevelsOptions = _DEFAULTS
) -> Choices:
    """Prepares the state of a form over registers and measures it.

    Args:
      problem: a form whose choices can all be written out.
      key: consumed.
      options: see `QaoaLevelsOptions`.

    Returns:
      One sample a shot.

    Raises:
      ValueError: too many choices to be written out.
    """
    table = problem.table()
    centred = table - jnp.mean(table)
    spread = jnp.std(centred)
    unit = centred / jnp.where(spread > 0, spread, 1.0)
    gammas, betas = ramp(options)
    state = qaoa_levels_state(unit, gammas, betas, problem.num_levels)
    indices = _measure(key, jnp.square(jnp.abs(state)), options.shots)
    samples = jnp.stack(jnp.unravel_index(indices, problem.num_levels), axis=-1)
    return Choices(samples.astype(jnp.int32), table[indices], jnp.int32(options.shots))


def _blocks(num_levels: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Neighbouring registers, as many as have `_LARGEST_BLOCK` levels together."""
    blocks: list[tuple[int, ...]] = []
    for count in num_levels:
        if blocks and np.prod(blocks[-1]) * count <= _LARGEST_BLOCK:
            blocks[-1] = (*blocks[-1], count)
        else:
            blocks.append((count,))
    return blocks


def _block_mixer(beta: Array, block: tuple[int, ...]) -> Array:
    """Mixer of some registers, [2 S, 2 S] on their real and imaginary parts."""
    real, imaginary = jnp.ones((1, 1)), jnp.zeros((1, 1))
    for count in block:
        # exp(-i beta |s><s|) = 1 + (exp(-i beta) - 1) |s><s|
        own_real = jnp.eye(count) + (jnp.cos(beta) - 1.0) / count
        own_imaginary = jnp.full((count, count), -jnp.sin(beta) / count)
        real, imaginary = (
            jnp.kron(real, own_real) - jnp.kron(imaginary, own_imaginary),
            jnp.kron(real, own_imaginary) + jnp.kron(imaginary, own_real),
        )
    return jnp.block([[real, -imaginary], [imaginary, real]])


def _measure(key: Array, chances: Array, shots: int) -> Array:
    """Indices int32 [shots], drawn by inversion of the cumulative distribution."""
    cumulative = jnp.cumsum(chances)
    drawn = jax.random.uniform(key, (shots,)) * cumulative[-1]
    indices = jnp.searchsorted(cumulative, drawn, side="right")
    return jnp.minimum(indices, len(chances) - 1).astype(jnp.int32)
