"""Alternating circuits: |+>, then p layers of cost phases and transverse-field mixer.

    |psi> = prod_l exp(-i sum_q beta_lq X_q) exp(-i sum_j gamma_lj C_j) |+>

Farhi, Goldstone & Gutmann, arXiv:1411.4028 (one gamma and one beta a layer); Herrman et
al., "Multi-angle QAOA", Sci. Rep. 12 (2022), arXiv:2109.11455 (one a term and a qubit).

The layers are one `lax.scan`. Its gradient undoes layer after layer, from the state and
from its adjoint at once, so nothing is kept but these two, whatever p is (Jones &
Gacon, arXiv:2009.02823, for whole layers).
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import dispatch, mixer
from qnas_jax.kernels.phases import apply_phases, cos_sin


def qaoa_state(
    diagonal: jax.Array,
    gammas: jax.Array,
    betas: jax.Array,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """The state of an alternating circuit.

    Args:
      diagonal: real [2^n] cost of each bit string, or [m, 2^n] the terms of a
        multi-angle circuit.
      gammas: [p], or [p, m] one for each term; radians for one unit of the cost.
      betas: [p], or [p, n] one for each qubit; radians, exp(-i beta X).
      implementation: "reference" (qubit after qubit, library functions, gradients by
        differentiating all of it), "blocks", or None: the faster one.

    Returns:
      complex [2^n].

    Raises:
      ValueError: the shapes do not fit, or the implementation is unknown.
    """
    terms, gammas, betas = _checked(diagonal, gammas, betas)
    forms = {dispatch.REFERENCE: _reference_state, "blocks": _blocks_state}
    return dispatch.choose(implementation, forms, _BEST)(terms, gammas, betas)


def qaoa_expectation(
    diagonal: jax.Array,
    gammas: jax.Array,
    betas: jax.Array,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """The expected cost of an alternating circuit, <psi|C|psi> / <psi|psi>.

    The norm is 1 but for rounding, which grows with p; dividing takes it out.

    Args:
      diagonal: real [2^n], or [m, 2^n]: the cost is the sum of all terms.
      gammas: [p] or [p, m], as in `qaoa_state`.
      betas: [p] or [p, n].
      implementation: as in `qaoa_state`.

    Returns:
      [] in the type of the diagonal.

    Raises:
      ValueError: the shapes do not fit, or the implementation is unknown.
    """
    terms, gammas, betas = _checked(diagonal, gammas, betas)
    cost = terms[0] if len(terms) == 1 else jnp.sum(terms, axis=0)
    forms = {dispatch.REFERENCE: _reference_state, "blocks": None}
    if dispatch.choose(implementation, forms, _BEST):
        state = _reference_state(terms, gammas, betas)
        planes = (state.real, state.imag)
    else:
        planes = _evolve(terms, gammas, betas)
    return _mean(planes, cost)


_BEST = {"cpu": "blocks", "gpu": "blocks"}


def _checked(
    diagonal: jax.Array, gammas: jax.Array, betas: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Terms [m, 2^n], gammas [p, m], betas [p] or [p, n], all of one type."""
    dtype = jnp.promote_types(diagonal.dtype, jnp.float32)
    terms = diagonal[None] if diagonal.ndim == 1 else diagonal
    size = terms.shape[-1]
    num_qubits = size.bit_length() - 1
    per_term = gammas[:, None] if gammas.ndim == diagonal.ndim == 1 else gammas
    fits = (
        terms.ndim == 2
        and size == 2**num_qubits > 1
        and per_term.shape[1:] == terms.shape[:1]
        and betas.shape in (gammas.shape[:1], (*gammas.shape[:1], num_qubits))
    )
    if not fits:
        raise ValueError(
            f"got diagonal {diagonal.shape}, gammas {gammas.shape} and betas "
            f"{betas.shape}, expected [2^n], [p] and [p] or [p, n]; or [m, 2^n], "
            "[p, m] and the same"
        )
    return terms.astype(dtype), per_term.astype(dtype), betas.astype(dtype)


def _mean(planes: mixer.Planes, cost: jax.Array) -> jax.Array:
    weights = planes[0] * planes[0] + planes[1] * planes[1]
    return jnp.sum(weights * cost) / jnp.sum(weights)


def _reference_state(
    terms: jax.Array, gammas: jax.Array, betas: jax.Array
) -> jax.Array:
    size = terms.shape[-1]
    state = lax.complex(
        jnp.full(size, size**-0.5, terms.dtype), jnp.zeros_like(terms[0])
    )
    plain = {"implementation": dispatch.REFERENCE}

    def layer(
        state: jax.Array, angles: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, None]:
        state = apply_phases(state, 1.0, angles[0] @ terms, **plain)
        return mixer.rotate_x(state, angles[1], **plain), None

    state, _ = lax.scan(layer, state, (gammas, betas))
    return state


def _blocks_state(terms: jax.Array, gammas: jax.Array, betas: jax.Array) -> jax.Array:
    return mixer.leave_frame(_evolve(terms, gammas, betas))


@jax.custom_vjp
def _evolve(terms: jax.Array, gammas: jax.Array, betas: jax.Array) -> mixer.Planes:
    """Planes of the state in the frame of the mixer."""

    def layer(
        planes: mixer.Planes, angles: tuple[jax.Array, mixer.Blocks]
    ) -> tuple[mixer.Planes, None]:
        gamma, blocks = angles
        return mixer.turn_all(_shift(planes, _total(gamma, terms)), blocks), None

    blocks = _layer_blocks(terms, betas)
    planes, _ = lax.scan(layer, _start(terms), (gammas, blocks))
    return planes


def _evolve_forward(
    terms: jax.Array, gammas: jax.Array, betas: jax.Array
) -> tuple[mixer.Planes, tuple]:
    planes = _evolve(terms, gammas, betas)
    return planes, (planes, terms, gammas, betas)


def _evolve_backward(
    saved: tuple, adjoint: mixer.Planes
) -> tuple[jax.Array, jax.Array, jax.Array]:
    planes, terms, gammas, betas = saved
    inverse, pull = jax.vjp(lambda b: _layer_blocks(terms, -b), betas)

    def undo(carry: tuple, angles: tuple) -> tuple[tuple, tuple]:
        planes, adjoint, terms_slope = carry
        gamma, blocks = angles
        planes, adjoint, slopes = mixer.unturn_all(planes, adjoint, blocks)
        # The phase theta of an amplitude (re, im) moves it by (im, -re) d theta.
        slope = adjoint[0] * planes[1] - adjoint[1] * planes[0]
        gamma_slope = terms @ slope
        terms_slope = terms_slope + gamma[:, None] * slope[None, :]
        back = -_total(gamma, terms)
        carry = _shift(planes, back), _shift(adjoint, back), terms_slope
        return carry, (gamma_slope, slopes)

    (_, _, terms_slope), (gammas_slope, slopes) = lax.scan(
        undo, (planes, adjoint, jnp.zeros_like(terms)), (gammas, inverse), reverse=True
    )
    return terms_slope, gammas_slope, pull(slopes)[0]


_evolve.defvjp(_evolve_forward, _evolve_backward)


def _start(terms: jax.Array) -> mixer.Planes:
    size = terms.shape[-1]
    uniform = lax.complex(
        jnp.full(size, size**-0.5, terms.dtype), jnp.zeros(size, terms.dtype)
    )
    return mixer.enter_frame(uniform)


def _layer_blocks(terms: jax.Array, betas: jax.Array) -> mixer.Blocks:
    """Kronecker blocks of all layers, [p, 2^k, 2^k] each."""
    num_qubits = terms.shape[-1].bit_length() - 1
    return jax.vmap(functools.partial(mixer.mixer_blocks, num_qubits=num_qubits))(betas)


def _total(gamma: jax.Array, terms: jax.Array) -> jax.Array:
    return gamma[0] * terms[0] if len(terms) == 1 else gamma @ terms


def _shift(planes: mixer.Planes, angles: jax.Array) -> mixer.Planes:
    """Planes of exp(-i angles) state."""
    real, imaginary = planes
    cosine, sine = cos_sin(angles)
    return (
        real * cosine + imaginary * sine,
        imaginary * cosine - real * sine,
    )
