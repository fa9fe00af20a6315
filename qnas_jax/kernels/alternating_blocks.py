"""Alternating circuits layer after layer, the mixer as products with Kronecker blocks.

The layers are one `lax.scan`, of any backend's own products (`mixer.py`).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import mixer
from qnas_jax.kernels.phases import shift_planes

Phases = Callable[[jax.Array, Any], jax.Array]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def evolve(
    most: int | None,
    phases: Phases,
    num_qubits: int,
    data: Any,
    gammas: jax.Array,
    betas: jax.Array,
) -> mixer.Planes:
    """Planes of the state in the frame of the mixer, with its own reverse mode.

    Args:
      most: bits of blocks that turn the index round; None for blocks in place.
      phases: (a layer's gammas, data) -> phases [2^n].
      num_qubits: n.
      data: what the phases are made of; differentiable.
      gammas: [p, ...].
      betas: [p] or [p, n].

    Returns:
      Real and imaginary part, [2^n] each.
    """
    if most is None:
        sizes, turn = mixer.place_sizes(num_qubits), mixer.turn_all
    else:
        sizes = mixer.turned_sizes(num_qubits, most)
        turn = functools.partial(mixer.turn_round, sizes=sizes)

    def layer(
        planes: mixer.Planes, angles: tuple[jax.Array, mixer.Blocks]
    ) -> tuple[mixer.Planes, None]:
        gamma, blocks = angles
        return turn(shift_planes(planes, phases(gamma, data)), blocks), None

    start = mixer.uniform_planes(num_qubits, betas.dtype)
    planes, _ = lax.scan(layer, start, (gammas, _layer_blocks(betas, sizes)))
    return planes


def _forward(
    most: int | None,
    phases: Phases,
    num_qubits: int,
    data: Any,
    gammas: jax.Array,
    betas: jax.Array,
) -> tuple[mixer.Planes, tuple]:
    planes = evolve(most, phases, num_qubits, data, gammas, betas)
    return planes, (planes, data, gammas, betas)


def _backward(
    most: int | None,
    phases: Phases,
    num_qubits: int,
    saved: tuple,
    adjoint: mixer.Planes,
) -> tuple[Any, jax.Array, jax.Array]:
    planes, data, gammas, betas = saved
    sizes = mixer.turned_sizes(num_qubits, most or mixer.TURNED_BITS)
    inverse, pull_betas = jax.vjp(lambda b: _layer_blocks(-b, sizes), betas)

    def undo(carry: tuple, angles: tuple) -> tuple[tuple, tuple]:
        planes, adjoint, data_slope = carry
        gamma, blocks = angles
        planes, adjoint, slopes = mixer.unturn_all(planes, adjoint, blocks, sizes)
        # The phase theta of an amplitude (re, im) moves it by (im, -re) d theta.
        slope = adjoint[0] * planes[1] - adjoint[1] * planes[0]
        theta, pull = jax.vjp(phases, gamma, data)
        gamma_slope, more = pull(slope)
        data_slope = jax.tree.map(jnp.add, data_slope, more)
        carry = shift_planes(planes, -theta), shift_planes(adjoint, -theta), data_slope
        return carry, (gamma_slope, slopes)

    carry = planes, adjoint, jax.tree.map(jnp.zeros_like, data)
    (_, _, data_slope), (gammas_slope, slopes) = lax.scan(
        undo, carry, (gammas, inverse), reverse=True
    )
    return data_slope, gammas_slope, pull_betas(slopes)[0]


evolve.defvjp(_forward, _backward)


def _layer_blocks(betas: jax.Array, sizes: mixer.Sizes) -> mixer.Blocks:
    """Kronecker blocks of all layers, [p, 2^k, 2^k] each."""
    return jax.vmap(lambda beta: mixer.mixer_blocks(beta, sizes))(betas)
